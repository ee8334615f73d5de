"""Every view, in memory and in PostgreSQL alike: the same rows, each event counted once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bootstrap.followers import VIEWS, event_logs
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.memory import MemoryView
from adapters.postgres.database import Database
from application.event_log import EventLog
from domain.errors import ConcurrentChange
from domain.log import CALLS, FLEET, Page
from projections.usage_rollup import Facet, RollupRow
from projections.usage_steps import Step
from projections.view import Key, Projector, View
from tests.projections.given import FLEET_HISTORY, calls
from tests.projections.given_logs import database, memory_logs, record, recorded

CALL_HISTORY = calls(60)
Logs = dict[str, EventLog]


@pytest.fixture
def projector_database(database_url: str) -> Iterator[Database]:
    """A database whose logs hold the histories above, as the projector has it."""
    with (
        recorded(database_url, fleet=FLEET_HISTORY, calls=CALL_HISTORY),
        database(database_url) as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
def logs_in_memory() -> Logs:
    logs = memory_logs()
    record(logs[FLEET], FLEET_HISTORY)
    record(logs[CALLS], CALL_HISTORY)
    return logs


def filled(name: str, view: View[Any], logs: Logs, *, step: int = 1000) -> None:
    """Bring the view to the head of its logs, so many positions at a time."""
    projector = VIEWS[name][0]()
    for log in projector.logs:
        reader, head = Reader(logs[log]), logs[log].head()
        for upto in [*range(step, head, step), head]:
            catch_up(ViewFollower(projector, view), reader, upto=upto)


def rows_of(view: View[Any], projector: Projector[Any]) -> dict[Key, Any]:
    rows = view.rows.values() if isinstance(view, MemoryView) else view.every()  # type: ignore[attr-defined]
    names = projector.row.KEY
    # What the database adds up from minutes is compared with the calls themselves.
    return {
        tuple(getattr(row, field) for field in names): _timeless(row)
        for row in rows
        if not isinstance(row, RollupRow)
        or (row.facet, row.step) == (Facet.EVERY, Step.MINUTE)
    }


def _timeless(row: Any) -> dict[str, Any]:
    """The row without when it was written: each log was written at a time of its own."""
    written = {
        "created_at",
        "changed_at",
        "checked_at",
        "good_at",
        "parked_at",
        "at",
        "last_at",
        "open_until",
        "causation_id",
    }
    return {name: value for name, value in vars(row).items() if name not in written}


@pytest.mark.parametrize("name", VIEWS)
def test_memory_and_postgres_hold_the_same_rows(
    name: str, projector_database: Database, logs_in_memory: Logs
) -> None:
    projector, in_postgres = VIEWS[name][0](), VIEWS[name][1](projector_database)
    in_memory: MemoryView[Any] = MemoryView()
    filled(name, in_memory, logs_in_memory)
    filled(name, in_postgres, event_logs(projector_database), step=17)
    rows = rows_of(in_postgres, projector)
    assert rows == rows_of(in_memory, projector)
    assert len(rows) > 1
    for log in projector.logs:
        assert in_postgres.position(log) == in_memory.position(log) > 0


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("where", ["memory", "postgres"])
def test_a_page_taken_twice_is_refused_and_changes_nothing(
    name: str, where: str, projector_database: Database
) -> None:
    projector = VIEWS[name][0]()
    view = MemoryView[Any]() if where == "memory" else VIEWS[name][1](projector_database)
    reader = Reader(event_logs(projector_database)[projector.logs[0]])
    first = reader.page(0, upto=12)
    view.advance(projector, first)
    before = rows_of(view, projector)
    with pytest.raises(ConcurrentChange):
        view.advance(projector, first)
    with pytest.raises(ConcurrentChange):  # nor one that leaves something out
        view.advance(projector, reader.page(13, upto=20))
    assert rows_of(view, projector) == before
    assert view.position(projector.logs[0]) == 12


class Killed(Exception):
    """The process ends here."""


@pytest.mark.parametrize("name", VIEWS)
def test_a_crash_in_the_middle_of_a_page_leaves_neither_rows_nor_position(
    name: str, projector_database: Database
) -> None:
    projector_type, view_type = VIEWS[name]

    class Dies(projector_type):  # type: ignore[misc, valid-type]
        def fold(self, page: Page, rows: Any) -> Any:
            super().fold(replace(page, events=page.events[:15]), rows)
            raise Killed

    view = view_type(projector_database)
    log = projector_type.logs[0]
    page = Reader(event_logs(projector_database)[log]).page(0)
    with pytest.raises(Killed):
        view.advance(Dies(), page)
    assert view.every() == []
    assert view.position(log) == 0


@given(
    seed=st.integers(0, 10_000),
    cuts=st.sets(st.integers(1, 60), max_size=5),
    name=st.sampled_from(["call_log", "usage_rollup", "audit_trail"]),
)
def test_how_the_log_is_cut_into_pages_makes_no_difference(
    seed: int, cuts: set[int], name: str
) -> None:
    logs = memory_logs()
    record(logs[CALLS], calls(20, seed))
    projector, head = VIEWS[name][0](), logs[CALLS].head()
    whole, cut = MemoryView[Any](), MemoryView[Any]()
    whole.advance(projector, logs[CALLS].page(after=0, limit=1000))
    at = 0
    for upto in [*sorted(each for each in cuts if each < head), head]:
        page: Page = logs[CALLS].page(after=at, limit=1000, upto=upto)
        cut.advance(projector, page)
        at = page.upto
    assert cut.rows == whole.rows
