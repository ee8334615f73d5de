"""The reckoning after a fault: what clients saw, our log, and the vendor's books agree."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from adapters.bootstrap.followers import ROLE, VIEWS, event_logs
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.postgres.call_views import PostgresCallLog
from adapters.postgres.database import Database
from adapters.postgres.reaper import Reaper
from adapters.postgres.usage_rollup import PostgresUsageRollup
from adapters.rebuild import rebuild
from domain.calls import (
    CallAbandoned,
    CallAdmitted,
    CallCorrected,
    CallEvent,
    CallExtended,
    CallRefused,
    CallSettled,
)
from domain.errors import Unavailable
from domain.log import CALLS
from domain.usage import Usage, UsageSource
from projections.usage import SUMS, UsageFilter, UsageTotals
from tests.faults.load import Outcome
from tests.journeys.plane import DataPlane

REAPING_SECONDS = 40  # a lease of the calls, one of the database, and what it takes

Streams = Mapping[UUID, Sequence[CallEvent]]
WAYS = (  # in which a call may go
    (CallRefused,),
    (CallAdmitted, CallSettled),
    (CallAdmitted, CallAbandoned),
    (CallAdmitted, CallAbandoned, CallCorrected),
)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a run came to."""

    driven: int
    seen: int
    admitted: int
    settled: int
    abandoned: int
    corrected: int
    refused: int


@contextmanager
def projector(url: str) -> Iterator[Database]:
    """The database as the projector sees it."""
    database = Database(url, role=ROLE)
    database.open()
    try:
        yield database
    finally:
        database.close()


def streams_of(plane: DataPlane) -> dict[UUID, list[CallEvent]]:
    """Every call's events, in order."""
    streams: dict[UUID, list[CallEvent]] = defaultdict(list)
    for recorded in plane.all_events():
        stream = streams[recorded.originator_id]
        assert recorded.originator_version == len(stream) + 1
        stream.append(recorded.event)
    return streams


def reap_until_closed(plane: DataPlane, *, seconds: float = REAPING_SECONDS) -> float:
    """Every admitted call has an end; how many seconds that took."""
    began = time.monotonic()
    with projector(plane.database_url) as database:
        reaper = Reaper(database, event_logs(database)[CALLS])
        while any(_is_open(events) for events in streams_of(plane).values()):
            waited = time.monotonic() - began
            assert waited < seconds, "calls stayed open"
            try:
                reaper.reap()
            except Unavailable:
                assert waited < seconds / 2, "the database did not come back"
            time.sleep(1)
    return time.monotonic() - began


def _is_open(events: Sequence[CallEvent]) -> bool:
    return isinstance(events[-1], CallAdmitted | CallExtended)


def reckon(plane: DataPlane, outcomes: Sequence[Outcome]) -> Figures:
    """Fails unless everything agrees."""
    streams, ledger = streams_of(plane), plane.ledger()
    for events in streams.values():
        assert tuple(map(type, events)) in WAYS
    _nothing_unadmitted(streams, ledger)
    _as_reported(streams, ledger)
    booked = {item["id"]: item for item in ledger}
    for outcome in outcomes:
        if outcome.whole and outcome.status == 200:
            _is_on_record(outcome, streams, booked)
    counts = {
        kind: sum(
            isinstance(event, kind) for events in streams.values() for event in events
        )
        for kind in (CallAdmitted, CallSettled, CallAbandoned, CallCorrected, CallRefused)
    }
    return Figures(
        driven=len(outcomes),
        seen=sum(one.whole and one.status == 200 for one in outcomes),
        admitted=counts[CallAdmitted],
        settled=counts[CallSettled],
        abandoned=counts[CallAbandoned],
        corrected=counts[CallCorrected],
        refused=counts[CallRefused],
    )


def asked_model(events: Sequence[CallEvent]) -> str:
    return (events[0].facts.requested_model or "").partition("+")[0]


def _nothing_unadmitted(streams: Streams, ledger: Iterable[dict[str, Any]]) -> None:
    """The vendor was called for admitted calls only, and once for each."""
    admitted = [
        asked_model(events)
        for events in streams.values()
        if isinstance(events[0], CallAdmitted)
    ]
    booked = [item["model"] for item in ledger]
    assert set(booked) <= set(admitted)
    assert len(set(booked)) == len(booked)
    assert len(set(admitted)) == len(admitted)


def _as_reported(streams: Streams, ledger: Iterable[dict[str, Any]]) -> None:
    """What is on record as reported is what the vendor has stated, for every call."""
    stated = {item["model"]: item for item in ledger if item["input_tokens"] is not None}
    for events in streams.values():
        usage = final(events)
        if usage is not None and usage.source is UsageSource.REPORTED:
            item = stated.get(asked_model(events))
            if item is None:
                assert (usage.input_tokens, usage.output_tokens) == (0, 0)  # never sent
            else:
                assert _same(usage, item)


def _is_on_record(
    outcome: Outcome, streams: Streams, by_id: Mapping[str, dict[str, Any]]
) -> None:
    """The call is settled, and as the vendor booked that very answer."""
    assert outcome.call_id is not None
    assert outcome.answer_id is not None
    booked = by_id[outcome.answer_id]
    events = streams[outcome.call_id]
    usage = final(events)
    assert not isinstance(events[-1], CallAbandoned)
    assert usage is not None
    if is_uncut(booked):
        assert usage.source is UsageSource.REPORTED
        assert _same(usage, booked)
    else:
        assert usage.source is not UsageSource.REPORTED
    assert booked["model"] == outcome.model.partition("+")[0] == asked_model(events)


def is_uncut(item: Mapping[str, Any]) -> bool:
    """Whether the vendor has answered to the end and has told its usage."""
    return item["outcome"] == "complete" and item["input_tokens"] is not None


def _same(usage: Usage, item: dict[str, Any]) -> bool:
    return (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens or 0) == (
        item["input_tokens"],
        item["output_tokens"],
        item["cache_read_tokens"],
    )


def final(events: Sequence[CallEvent]) -> Usage | None:
    """The usage that counts in the end."""
    end = events[-1]
    if isinstance(end, CallCorrected):
        return end.now
    return end.usage if isinstance(end, CallSettled | CallAbandoned) else None


def views_agree(plane: DataPlane) -> None:
    """Both views' totals are those of the log, and a rebuild of any view finds the same."""
    with projector(plane.database_url) as database:
        logs = event_logs(database)
        for kind, view in VIEWS.values():
            for name in kind.logs:
                catch_up(ViewFollower(kind(), view(database)), Reader(logs[name]))
    calls = [events for events in streams_of(plane).values() if not _is_open(events)]
    ends = [usage for events in calls if (usage := final(events)) is not None]
    by_hand = {
        "calls": len(calls),
        "settled": sum(_second(events, CallSettled) for events in calls),
        "abandoned": sum(_second(events, CallAbandoned) for events in calls),
        "refused": sum(isinstance(events[0], CallRefused) for events in calls),
        "input_tokens": sum(usage.input_tokens or 0 for usage in ends),
        "output_tokens": sum(usage.output_tokens or 0 for usage in ends),
        "cache_read_tokens": sum(usage.cache_read_tokens or 0 for usage in ends),
        "reasoning_tokens": sum(usage.reasoning_tokens or 0 for usage in ends),
    }
    wanted = UsageFilter(team_id=plane.team_id)
    with projector(plane.database_url) as database:
        parts = PostgresUsageRollup(database).read(wanted).parts
        rolled_up = sum((part.totals for part in parts), UsageTotals())
        by_call = PostgresCallLog(database).totals(wanted)
    assert {name: getattr(rolled_up, name) for name in by_hand} == by_hand
    for name in SUMS:
        assert getattr(rolled_up, name) == getattr(by_call, name), name
    for name in VIEWS:
        assert not rebuild(plane.database_url, name, check=True), name


def _second(events: Sequence[CallEvent], kind: type[CallEvent]) -> bool:
    return len(events) > 1 and isinstance(events[1], kind)


def tell(figures: str) -> None:
    """A line for whoever watches a long run."""
    sys.stdout.write(f"\n{figures}\n")
