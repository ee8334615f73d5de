"""The meter: admissions and ends of calls, in group commits, each exactly once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.bootstrap.followers import event_logs
from adapters.postgres.meter import PostgresMeter
from adapters.postgres.recorder import LOCKS
from application.event_log import Caller, Stream, acting
from application.watch import Watch
from domain.calls import (
    CallAbandoned,
    CallAdmitted,
    CallCorrected,
    CallEvent,
    CallRefused,
    CallSettled,
)
from domain.errors import Unavailable
from domain.log import CALLS
from tests.projections.given import admitted, facts, settled, tokens
from tests.projections.given_logs import database

pytestmark = pytest.mark.anyio

ANSWERED_SECONDS = 2.0
PATIENCE = 10.0
ADMITTED = admitted(facts())
SETTLED = settled(facts(), tokens(7, 3))
REFUSED = CallRefused(facts=facts(), code="no-usable-key")


@asynccontextmanager
async def metering(url: str, watch: Watch | None = None) -> AsyncIterator[PostgresMeter]:
    meter = PostgresMeter(url, watch=watch)
    await meter.start()
    try:
        yield meter
    finally:
        await meter.stop()


def history(url: str, call_id: UUID) -> list[CallEvent]:
    """The call's events, as anybody reads them."""
    with database(url) as opened:
        recorded: list[Any] = event_logs(opened)[CALLS].history(call_id)
    return [one.event for one in recorded]


async def come(url: str, call_id: UUID, *kinds: type[CallEvent]) -> list[CallEvent]:
    """The call's events, once they are of these kinds."""
    deadline = time.monotonic() + PATIENCE
    while True:
        events = await asyncio.to_thread(history, url, call_id)
        if [type(event) for event in events] == list(kinds):
            return events
        assert time.monotonic() < deadline, events
        await asyncio.sleep(0.05)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


@contextmanager
def log_locked(url: str) -> Iterator[None]:
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (LOCKS[CALLS],))
        yield


async def timed(waiting: Awaitable[object]) -> float:
    """Seconds until `Unavailable`."""
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await waiting
    return time.monotonic() - began


async def test_a_call_is_on_record_when_admitted_and_when_settled(
    database_url: str,
) -> None:
    call_id = uuid4()
    async with metering(database_url) as meter:
        await meter.admit(call_id, ADMITTED)
        assert history(database_url, call_id) == [ADMITTED]
        await meter.settle(call_id, SETTLED, within_seconds=PATIENCE)
        assert history(database_url, call_id) == [ADMITTED, SETTLED]
    with database(database_url) as opened_database:
        recorded = event_logs(opened_database)[CALLS].history(call_id)
    assert [one.actor for one in recorded] == [f"bot:{ADMITTED.facts.bot_id}"] * 2
    assert {one.team_id for one in recorded} == {ADMITTED.facts.team_id}
    assert {one.correlation_id for one in recorded} == {str(call_id)}
    assert [one.causation_id for one in recorded] == ["-", f"call:{call_id}:1"]


async def test_a_refusal_needs_no_lease_and_no_end(database_url: str) -> None:
    call_id = uuid4()
    async with metering(database_url) as meter:
        await meter.refuse(call_id, REFUSED)
    assert history(database_url, call_id) == [REFUSED]


async def test_a_keys_check_is_the_workers_call(database_url: str) -> None:
    call_id, nobody = uuid4(), facts(bot=None)
    async with metering(database_url) as meter:
        await meter.admit(call_id, admitted(nobody))
    with database(database_url) as opened:
        (recorded,) = event_logs(opened)[CALLS].history(call_id)
    assert recorded.actor == "system:worker"


async def test_calls_that_wait_at_the_same_moment_share_commits(database_url: str) -> None:
    calls = [uuid4() for _ in range(1000)]
    async with metering(database_url) as meter:
        await meter.admit(uuid4(), ADMITTED)
        await asyncio.gather(*(meter.admit(one, ADMITTED) for one in calls))
    in_log = rows(
        database_url, "SELECT originator_id FROM calls_events ORDER BY notification_id"
    )
    assert [one for (one,) in in_log[1:]] == calls  # in the order in which they came
    ((transactions,),) = rows(
        database_url, "SELECT count(DISTINCT xmin::text) FROM calls_events"
    )
    assert transactions <= 5


async def test_what_waits_is_written_before_a_meter_stops(database_url: str) -> None:
    calls = [uuid4() for _ in range(600)]
    async with metering(database_url) as meter:
        await meter.admit(uuid4(), ADMITTED)
        waiting = [asyncio.create_task(meter.admit(one, ADMITTED)) for one in calls]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert len(rows(database_url, "SELECT 1 FROM calls_events")) == 601


# Whoever watches hears of what is in the log, and of nothing else.


class Watched:
    """Plays `Watch`, and falters at the first event of all."""

    def __init__(self) -> None:
        self.events: list[tuple[UUID, CallEvent]] = []
        self.sizes: list[int] = []

    def recorded(self, call_id: UUID, event: CallEvent, waited_seconds: float) -> None:
        assert 0 < waited_seconds < PATIENCE
        self.events.append((call_id, event))
        if len(self.events) == 1:
            raise ZeroDivisionError

    def committed(self, size: int, seconds: float) -> None:
        assert 0 < seconds < PATIENCE
        self.sizes.append(size)

    def refused(self, code: str) -> None:
        raise AssertionError(code)


async def test_who_watches_hears_each_event_once_and_cannot_stop_a_call(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    one, two, watched = uuid4(), uuid4(), Watched()
    async with metering(database_url, watched) as meter:
        await meter.admit(one, ADMITTED)
        assert (meter.open_calls, "meter.watch_failed" in caplog.messages) == (1, True)
        ends = meter.settle(one, SETTLED, within_seconds=PATIENCE)
        await asyncio.gather(ends, meter.admit(two, ADMITTED))
        assert meter.open_calls == 1
        with log_locked(database_url), pytest.raises(Unavailable):
            await meter.admit(uuid4(), ADMITTED)
    assert watched.events[:3] == [(one, ADMITTED), (one, SETTLED), (two, ADMITTED)]
    assert [event.TOPIC for _, event in watched.events[3:]] in ([], ["call.refused"])
    assert sum(watched.sizes) == len(watched.events) - 1


# A settlement gets in, whoever waits for it.


async def test_a_settlement_behind_an_abandonment_is_a_correction(
    database_url: str,
) -> None:
    call_id = uuid4()
    abandoned = CallAbandoned(facts=ADMITTED.facts, usage=tokens(25, None))
    async with metering(database_url) as meter:
        await meter.admit(call_id, ADMITTED)
        end(database_url, call_id, abandoned)
        await meter.settle(call_id, SETTLED, within_seconds=PATIENCE)
    *_, corrected = history(database_url, call_id)
    assert isinstance(corrected, CallCorrected)
    assert (corrected.before, corrected.now) == (abandoned.usage, SETTLED.usage)


async def test_it_is_corrected_even_if_the_one_who_settles_has_given_up(
    database_url: str,
) -> None:
    """A proxy that thaws: its patience ended long ago, and the reaper was there."""
    call_id = uuid4()
    abandoned = CallAbandoned(facts=ADMITTED.facts, usage=tokens(25, None))
    async with metering(database_url) as meter:
        await meter.admit(call_id, ADMITTED)
        end(database_url, call_id, abandoned)
        with pytest.raises(Unavailable):
            await meter.settle(call_id, SETTLED, within_seconds=0)
        await come(database_url, call_id, CallAdmitted, CallAbandoned, CallCorrected)


async def test_a_settlement_is_tried_until_the_log_takes_it(database_url: str) -> None:
    call_id = uuid4()
    async with metering(database_url) as meter:
        await meter.admit(call_id, ADMITTED)
        with log_locked(database_url):
            settling = meter.settle(call_id, SETTLED, within_seconds=4)
            assert 3.5 < await timed(settling) < 5
        await come(database_url, call_id, CallAdmitted, CallSettled)


def end(url: str, call_id: UUID, event: CallEvent) -> None:
    """What the reaper does."""
    with database(url) as opened, acting(Caller("system:reaper")):
        event_logs(opened)[CALLS].append(Stream(call_id, 1, None), [event])


# An admission is answered soon, and holds nothing if the answer was no.


async def test_admissions_are_refused_in_time_when_the_log_is_blocked_and_none_stays_open(
    database_url: str,
) -> None:
    """They come at every moment of a batch, the unluckiest just behind its beginning."""
    calls: list[UUID] = []
    async with metering(database_url) as meter:
        await meter.admit(uuid4(), ADMITTED)
        with log_locked(database_url):
            tries = []
            for _ in range(40):
                calls.append(uuid4())
                admitting = meter.admit(calls[-1], ADMITTED)
                tries.append(asyncio.create_task(timed(admitting)))
                await asyncio.sleep(0.07)
            slowest = max(await asyncio.gather(*tries))
            waiting = (
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE wait_event = 'advisory' AND datname = current_database()"
            )
            assert rows(database_url, waiting)[0][0] <= 2
        for call_id in calls:
            await come(database_url, call_id, CallRefused)
    assert slowest < ANSWERED_SECONDS


async def test_more_admissions_than_fit_into_a_batch_are_refused_in_time_too(
    database_url: str,
) -> None:
    async with metering(database_url) as meter:
        await meter.admit(uuid4(), ADMITTED)
        with log_locked(database_url):
            tries = [timed(meter.admit(uuid4(), ADMITTED)) for _ in range(2000)]
            slowest = max(await asyncio.gather(*tries))
    assert slowest < ANSWERED_SECONDS


async def test_an_admission_that_landed_after_all_is_ended_as_not_sent(
    database_url: str,
) -> None:
    """The answer to the commit was lost, and the one who asked was told no."""
    call_id = uuid4()
    async with metering(database_url) as meter:
        await meter.admit(uuid4(), ADMITTED)
        with log_locked(database_url):
            assert await timed(meter.admit(call_id, ADMITTED)) < ANSWERED_SECONDS
            by_other = (
                "INSERT INTO calls_events (originator_id, originator_version, topic, "
                f"state) SELECT '{call_id}', 1, topic, state FROM calls_events LIMIT 1"
            )
            with psycopg.connect(database_url) as connection:
                connection.execute(by_other.encode())
        *_, ended = await come(database_url, call_id, CallAdmitted, CallSettled)
    assert isinstance(ended, CallSettled)
    assert (ended.usage.input_tokens, ended.usage.output_tokens) == (0, 0)
    assert (ended.attempts, ended.error) == (0, "unavailable")
