"""Whatever an engine shows: at most one container is left, and nothing runs unasked."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.container_plans import (
    Create,
    GoBack,
    Remove,
    SetNetwork,
    Start,
    Stop,
    Update,
    Wanted,
)
from domain.containers import (
    Change,
    ContainerState,
    Health,
    NetworkPolicy,
    SeenContainer,
)
from domain.reconciling import decide
from domain.runs import Observation
from tests.domain.test_reconciling import BOT, CUT, DELETED, NOW, RUNS, SECOND, STOPS

SEEN = st.builds(
    SeenContainer,
    container_id=st.sampled_from(["a", "b", "c"]),
    bot_id=st.just(BOT),
    generation=st.integers(1, 4),
    state=st.sampled_from(
        [ContainerState.CREATED, ContainerState.RUNNING, ContainerState.EXITED]
    ),
    health=st.sampled_from([None, *Health]),
    exit_code=st.sampled_from([None, 0, 1]),
    network=st.sampled_from(NetworkPolicy),
    started_at=st.sampled_from([None, NOW, NOW - timedelta(hours=1)]),
    created_at=st.sampled_from([None, NOW, NOW - timedelta(hours=1)]),
    is_changed_in_place=st.booleans(),
    change=st.sampled_from([None, *Change]),
    changed_at=st.sampled_from([None, NOW, NOW - timedelta(hours=1)]),
    changed_to=st.integers(0, 4),
)
LAST = st.builds(
    Observation,
    state=st.sampled_from(ContainerState),
    tried=st.integers(0, 4),
    failure=st.sampled_from([None, "crashed", "unhealthy"]),
    failures=st.integers(0, 20),
    tried_at=st.sampled_from([None, NOW, NOW - timedelta(hours=1)]),
    retry_at=st.sampled_from([None, NOW - SECOND, NOW + SECOND]),
    given_up=st.integers(0, 4),
)


@settings(max_examples=500)
@given(
    wanted=st.sampled_from([RUNS, STOPS, DELETED, CUT]),
    seen=st.lists(SEEN, max_size=3, unique_by=lambda one: one.container_id),
    last=LAST,
    forgiven=st.booleans(),
)
def test_whatever_is_seen_at_most_one_is_left_and_nothing_runs_unasked(
    wanted: Wanted, seen: list[SeenContainer], last: Observation, *, forgiven: bool
) -> None:
    plan = decide(wanted, seen, last, NOW, forgiven=forgiven)
    left = {one.container_id for one in seen}
    for step in plan.steps:
        match step:
            case Remove(container_id=gone):
                left.remove(gone)
            case Create():
                assert not left, "the old one goes first"
                left.add("new")
            case Start(container_id=started):
                assert (started or "new") in left
                assert wanted.may_start
            case Update(container_id=changed) | GoBack(container_id=changed):
                assert changed in left
                assert wanted.may_start
            case Stop(container_id=stopped) | SetNetwork(container_id=stopped):
                assert stopped in left
    assert len(left) <= 1
    assert wanted.exists or not left
    assert plan.look_at is None or plan.look_at > NOW
