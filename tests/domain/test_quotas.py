"""The rules of a quota, and of what is said of its windows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st

from domain.errors import InvalidFields
from domain.ids import TeamId
from domain.quota_windows import (
    QuotaExhausted,
    QuotaUse,
    QuotaWarned,
    QuotaWindow,
    quota_window_id,
)
from domain.quotas import (
    MOST,
    Metric,
    Mode,
    Quota,
    QuotaEdited,
    QuotaEvent,
    QuotaRaised,
    QuotaRemoved,
    QuotaSet,
    Scope,
    ScopeKind,
    Window,
    effective_limit,
    scope_key,
)
from tests.given import given

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
TEAM = TeamId(uuid4())
SET = QuotaSet(
    team_id=TEAM,
    scope=Scope(kind=ScopeKind.TEAM, id=str(TEAM)),
    metric=Metric.TOKENS,
    window=Window.DAY,
    limit=1000,
    time_zone="Europe/Zurich",
    warn_at_permille=800,
    mode=Mode.BLOCK,
)
EDITED = QuotaEdited(limit=5, warn_at_permille=None, mode=Mode.NOTIFY)
RAISED = QuotaRaised(by=100, until=LATER)


def after(*events: QuotaEvent, empty: Quota = Quota()) -> Quota:  # noqa: B008  # frozen
    return reduce(lambda quota, event: quota.evolve(event), events, empty)


def test_a_scope_is_found_by_team_kind_and_id() -> None:
    assert scope_key(TEAM, ScopeKind.MODEL, "gpt-5:mini") == f"{TEAM}:model:gpt-5:mini"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"limit": -1}, "limit"),
        ({"limit": MOST + 1}, "limit"),
        ({"warn_at_permille": 0}, "warn_at"),
        ({"warn_at_permille": 1001}, "warn_at"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"time_zone": "CET"}, "time_zone"),
        ({"scope": Scope(kind=ScopeKind.MODEL, id="")}, "scope.id"),
    ],
)
def test_what_no_quota_can_be_is_refused_by_field(
    wrong: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidFields) as refused:
        Quota().set(replace(SET, **wrong))  # type: ignore[arg-type]
    assert list(refused.value.codes) == [field]


def test_the_ends_of_the_range_are_limits() -> None:
    for limit in (0, MOST):
        asked = replace(SET, limit=limit)
        assert Quota().set(asked) == [asked]


def test_an_edit_is_recorded_if_it_changes_something() -> None:
    given(Quota(), SET).when(lambda quota: quota.edit(EDITED)).then(EDITED)
    given(Quota(), SET, EDITED).when(lambda quota: quota.edit(EDITED)).then()
    too_large = replace(EDITED, limit=MOST)
    given(Quota(), SET, RAISED).when(lambda q: q.edit(too_large)).refused(InvalidFields)
    wrong = replace(EDITED, warn_at_permille=1001)
    given(Quota(), SET).when(lambda quota: quota.edit(wrong)).refused(InvalidFields)


def test_a_raise_holds_until_its_end_and_the_next_one_takes_its_place() -> None:
    given(Quota(), SET).when(lambda q: q.raise_limit(100, LATER, now=NOW)).then(RAISED)
    given(Quota(), SET, RAISED).when(lambda q: q.raise_limit(100, LATER, now=NOW)).then()
    other = QuotaRaised(by=7, until=LATER)
    given(Quota(), SET, RAISED).when(lambda q: q.raise_limit(7, LATER, now=NOW)).then(other)
    raised = after(SET, RAISED)
    assert raised.limit_at(NOW) == 1100
    assert raised.limit_at(LATER) == 1000
    assert raised.evolve(other).limit_at(NOW) == 1007


def test_a_raise_by_nothing_ends_it() -> None:
    ended = QuotaRaised(by=0, until=NOW)
    given(Quota(), SET, RAISED).when(lambda q: q.raise_limit(0, LATER, now=NOW)).then(ended)
    given(Quota(), SET, RAISED, ended).when(lambda q: q.raise_limit(0, NOW, now=NOW)).then()
    over = after(SET, RAISED, ended)
    assert (over.limit_at(NOW), over.raised_by) == (1000, 0)


@pytest.mark.parametrize(
    ("by", "until"), [(-1, LATER), (MOST, LATER), (1, NOW), (1, NOW - timedelta(days=1))]
)
def test_a_raise_that_cannot_be_is_refused(by: int, until: datetime) -> None:
    given(Quota(), SET).when(lambda q: q.raise_limit(by, until, now=NOW)).refused(
        InvalidFields
    )


def test_a_quota_is_removed_once() -> None:
    given(Quota(), SET).when(Quota.remove).then(QuotaRemoved())
    given(Quota(), SET, QuotaRemoved()).when(Quota.remove).then()


LIMITS = st.integers(0, 10**6)
TIMES = st.integers(-500, 500).map(lambda hours: NOW + timedelta(hours=hours))
EDITS = st.builds(
    QuotaEdited,
    limit=LIMITS,
    warn_at_permille=st.none() | st.integers(1, 1000),
    mode=st.sampled_from(Mode),
)
RAISES = st.builds(QuotaRaised, by=LIMITS, until=TIMES)
EVENTS = st.lists(EDITS | RAISES, max_size=8)


@given_any(events=EVENTS, at=TIMES)
def test_the_definition_is_what_was_said_last_and_as_old_as_its_stream(
    events: list[QuotaEvent], at: datetime
) -> None:
    quota = after(SET, *events)
    edits = [one for one in events if isinstance(one, QuotaEdited)]
    raises = [one for one in events if isinstance(one, QuotaRaised)]
    limit = edits[-1].limit if edits else SET.limit
    more = raises[-1].by if raises and at < raises[-1].until else 0
    assert quota.version == 1 + len(events)
    assert quota.limit_at(at) == limit + more
    assert quota.definition == SET


@given_any(events=EVENTS, edited=EDITS, at=TIMES)
def test_asking_twice_records_nothing_new(
    events: list[QuotaEvent], edited: QuotaEdited, at: datetime
) -> None:
    quota = after(SET, *events)
    changed = after(*quota.edit(edited), empty=quota)
    assert changed.edit(edited) == []
    by, until = 5, at + timedelta(seconds=1)
    raised = after(*changed.raise_limit(by, until, now=at), empty=changed)
    assert raised.raise_limit(by, until, now=at) == []


def test_a_limit_is_raised_before_the_end_only() -> None:
    assert effective_limit(10, 5, None, NOW) == 10
    assert effective_limit(10, 5, LATER, NOW) == 15
    assert effective_limit(10, 5, NOW, NOW) == 10


USE = QuotaUse(
    quota_id=uuid4(),
    window_start=NOW,
    window_end=LATER,
    limit=100,
    warn_at_permille=800,
    settled=79,
    held=21,
)
KEPT = {"quota_id": USE.quota_id, "window_start": NOW, "window_end": LATER}


def warned(limit: int = 100, share: int = 800, settled: int = 80) -> QuotaWarned:
    return QuotaWarned(**KEPT, limit=limit, warn_at_permille=share, settled=settled)  # type: ignore[arg-type]


def exhausted(limit: int = 100, settled: int = 100) -> QuotaExhausted:
    return QuotaExhausted(**KEPT, limit=limit, settled=settled, held=21)  # type: ignore[arg-type]


def test_nothing_is_said_below_the_share_at_which_to_warn() -> None:
    given(QuotaWindow()).when(lambda window: window.note(USE)).then()


def test_a_window_warns_once_for_each_threshold() -> None:
    use = replace(USE, settled=80)
    given(QuotaWindow()).when(lambda window: window.note(use)).then(warned())
    more = replace(USE, settled=95)
    given(QuotaWindow(), warned()).when(lambda window: window.note(more)).then()
    other_share = replace(more, warn_at_permille=900)
    given(QuotaWindow(), warned()).when(lambda window: window.note(other_share)).then(
        warned(share=900, settled=95)
    )
    unwarned = replace(more, warn_at_permille=None)
    given(QuotaWindow()).when(lambda window: window.note(unwarned)).then()


def test_a_window_is_exhausted_once_until_its_limit_is_another() -> None:
    full = replace(USE, settled=100)
    given(QuotaWindow()).when(lambda window: window.note(full)).then(
        warned(settled=100), exhausted()
    )
    given(QuotaWindow(), warned(), exhausted()).when(lambda w: w.note(full)).then()
    raised = replace(USE, limit=200, settled=200)
    given(QuotaWindow(), warned(), exhausted()).when(lambda w: w.note(raised)).then(
        warned(limit=200, settled=200), exhausted(limit=200, settled=200)
    )


def test_a_refused_call_finds_a_window_exhausted_before_all_is_used() -> None:
    use = replace(USE, refused=True)
    given(QuotaWindow()).when(lambda window: window.note(use)).then(exhausted(settled=79))


def test_a_limit_of_nothing_is_exhausted_without_a_warning() -> None:
    use = replace(USE, limit=0, settled=0)
    given(QuotaWindow()).when(lambda window: window.note(use)).then(
        exhausted(limit=0, settled=0)
    )


def test_a_window_is_one_stream_in_whatever_zone_its_start_is_written() -> None:
    there = NOW.astimezone(tz=ZoneInfo("Asia/Shanghai"))
    assert quota_window_id(USE.quota_id, there) == quota_window_id(USE.quota_id, NOW)
    assert quota_window_id(USE.quota_id, LATER) != quota_window_id(USE.quota_id, NOW)
