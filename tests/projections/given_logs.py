"""Logs and databases to put histories in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from adapters.bootstrap.followers import event_logs
from adapters.event_store import EventMapper
from adapters.memory import MemoryRecorder
from adapters.postgres.database import Database
from application.event_log import Caller, EventLog, Stream, acting
from domain.log import CALLS, FLEET
from tests.projections.given import TEAM, Happened


def record(log: EventLog, happened: Sequence[Happened], team: UUID | None = TEAM) -> int:
    """Put it at the end of the log, one append each; the position reached."""
    position = 0
    caller = Caller("user:alice", team_id=team, correlation_id="request-1")
    for stream_id, events in happened:
        version = len(log.history(stream_id))
        with acting(caller):
            position = log.append(Stream(stream_id, version, None), events)
    return position


def memory_logs() -> dict[str, EventLog]:
    return {
        name: EventLog(name, MemoryRecorder(), EventMapper()) for name in (FLEET, CALLS)
    }


@contextmanager
def database(url: str, role: str = "clawbot_projector") -> Iterator[Database]:
    opened = Database(url, role=role, size=4)
    opened.open()
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def recorded(
    url: str, *, fleet: Sequence[Happened] = (), calls: Sequence[Happened] = ()
) -> Iterator[dict[str, EventLog]]:
    """Both logs of a database, with this at their ends, as their writers have them."""
    with database(url, "clawbot_api") as api, database(url, "clawbot_proxy") as proxy:
        logs = {FLEET: event_logs(api)[FLEET], CALLS: event_logs(proxy)[CALLS]}
        record(logs[FLEET], fleet)
        record(logs[CALLS], calls)
        yield logs
