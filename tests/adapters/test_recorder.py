"""A log's order is gap-safe: who has read to a position never misses a smaller one."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent

from adapters.postgres.call_entry import Entry
from adapters.postgres.call_writer import CallWriter
from adapters.postgres.database import Database, connection_info
from adapters.postgres.recorder import PostgresRecorder
from domain.calls import CallRefused
from tests.projections.given import facts
from tests.projections.given_logs import database

WRITERS, EACH = 8, 40
PAGE = 7  # small, so that the reader is often in the middle of things


def event(stream: UUID, version: int = 1) -> StoredEvent:
    return StoredEvent(
        originator_id=stream, originator_version=version, topic="t", state=b"{}"
    )


class GivenUp(Exception):
    """A handler refused: its unit of work is rolled back, and its positions are gaps."""


def write(url: str, seed: int) -> list[int]:
    """Units of work of one to three appends that stay open for a while, some given up."""
    dice, written = random.Random(seed), list[int]()
    with database(url, "clawbot_api") as opened:
        for _ in range(EACH):
            with contextlib.suppress(GivenUp):
                written += unit(opened, dice)
    return written


def unit(opened: Database, dice: random.Random) -> list[int]:
    recorder, positions = PostgresRecorder(opened, "fleet"), list[int]()
    with opened.unit_of_work():
        for _ in range(dice.randint(1, 3)):
            positions += recorder.insert_events([event(uuid4())])
            time.sleep(dice.choice([0, 0, 0.005]))
        if dice.random() < 0.2:
            raise GivenUp
    return positions


@contextmanager
def tailing(opened: Database, log: str) -> Iterator[Callable[[], list[int]]]:
    """A reader that follows the log; afterwards it tells what it saw, in order."""
    recorder, over = PostgresRecorder(opened, log), threading.Event()
    seen: list[int] = []

    def follow() -> None:
        last = 0
        while True:
            ending = over.is_set()
            page = recorder.select_notifications(last, PAGE, inclusive_of_start=False)
            seen.extend(one.id for one in page)
            last = seen[-1] if seen else 0
            if not page and ending:
                return

    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(follow)

        def told() -> list[int]:
            over.set()
            following.result(timeout=10)
            return seen

        try:
            yield told
        finally:
            over.set()


def test_a_reader_that_follows_eight_writers_misses_nothing(database_url: str) -> None:
    with (
        database(database_url) as opened,
        tailing(opened, "fleet") as told,
        ThreadPoolExecutor(WRITERS) as pool,
    ):
        writers = [pool.submit(write, database_url, n) for n in range(WRITERS)]
        written = [position for writer in writers for position in writer.result(60)]
        seen = told()
    assert seen == sorted(written)
    assert len(seen) > WRITERS * EACH
    assert seen[-1] > len(seen)  # there were gaps


def test_a_reader_of_the_calls_misses_nothing_of_several_proxies_and_the_reaper(
    database_url: str,
) -> None:
    """Group commits and single appends keep one order among each other."""
    with (
        database(database_url) as opened,
        tailing(opened, "calls") as told,
        ThreadPoolExecutor(4) as pool,
    ):
        proxies = [pool.submit(asyncio.run, commits(database_url)) for _ in range(3)]
        reaper = PostgresRecorder(opened, "calls")
        single = [reaper.insert_events([event(uuid4())])[0] for _ in range(100)]
        grouped = [position for proxy in proxies for position in proxy.result(60)]
        seen = told()
    assert seen == sorted(single + grouped)
    assert len(grouped) == 3 * 30 * 5


async def commits(url: str) -> list[int]:
    """What a proxy writes: batches, one after another."""
    writer = CallWriter(connection_info(url, role="clawbot_proxy"), uuid4())
    written: list[int] = []
    try:
        for _ in range(30):
            batch = [entry() for _ in range(5)]
            answer = await writer.write(batch, within_seconds=5)
            written += [position for position in answer if isinstance(position, int)]
    finally:
        writer.close()
    return written


def entry() -> Entry:
    refused = CallRefused(facts=facts(), code="c")
    return Entry(
        call_id=uuid4(),
        version=1,
        event=refused,
        since=0,
        tries_on=True,
        done=asyncio.get_running_loop().create_future(),
    )


def test_a_place_in_a_stream_is_taken_once(database_url: str) -> None:
    stream = uuid4()
    with database(database_url, "clawbot_api") as opened:
        recorder = PostgresRecorder(opened, "fleet")
        first = recorder.insert_events([event(stream), event(stream, 2)])
        with pytest.raises(IntegrityError):
            recorder.insert_events([event(uuid4()), event(stream, 2)])
        assert recorder.max_notification_id() == first[-1]
        assert [one.originator_version for one in recorder.select_events(stream)] == [1, 2]
        assert recorder.position_of(stream, 2) == first[-1]


def test_several_streams_are_read_in_one_go_each_oldest_first(database_url: str) -> None:
    streams = sorted(uuid4() for _ in range(3))
    with database(database_url, "clawbot_api") as opened:
        recorder = PostgresRecorder(opened, "fleet")
        for version in (1, 2):
            recorder.insert_events([event(one, version) for one in reversed(streams)])
        found = recorder.select_streams([streams[2], uuid4(), streams[0]])
        assert list(found) == [
            event(one, version) for one in (streams[0], streams[2]) for version in (1, 2)
        ]


@pytest.mark.parametrize("role", ["api", "proxy", "projector", "worker"])
@pytest.mark.parametrize("table", ["fleet_events", "calls_events"])
@pytest.mark.parametrize(
    "verb", ["UPDATE {} SET topic = 'x'", "DELETE FROM {}", "TRUNCATE {}"]
)
def test_no_process_can_change_what_is_recorded(
    database_url: str, role: str, table: str, verb: str
) -> None:
    with ExitStack() as stack:
        options = f"-c role=clawbot_{role}"
        connection = stack.enter_context(psycopg.connect(database_url, options=options))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(verb.format(table).encode())
