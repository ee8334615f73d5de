"""A container that its engine changes in its place, and what comes of each change."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.container_plans import (
    Create,
    GoBack,
    Remove,
    SetNetwork,
    Start,
    Stop,
    Update,
)
from domain.containers import Change, ContainerState, Health, NetworkPolicy
from domain.reconciling import decide
from domain.runs import NOT_SEEN, ROLLED_BACK, Observation
from tests.domain.test_reconciling import ANEW, CUT, NOW, OLD, RUNS, SECOND, SPEC, STOPS

RAN = replace(OLD, is_changed_in_place=True)  # generation 2; 3 is wanted
CHANGES = replace(RAN, change=Change.UNDER_WAY, changed_at=NOW, changed_to=3)
BACK = replace(CHANGES, change=Change.WENT_BACK, error="unhealthy container")
TRIES = Observation(
    state=ContainerState.RUNNING, generation=2, container_id="c0", tried=3, tried_at=NOW
)


def test_what_runs_is_changed_in_its_place() -> None:
    plan = decide(RUNS, [RAN], NOT_SEEN, NOW)
    assert plan.steps == (Update(container_id="c0", spec=SPEC),)
    assert (plan.note.tried, plan.note.generation) == (3, 2)


def test_what_does_not_run_has_nothing_to_go_back_to_and_is_made_anew() -> None:
    ended = replace(RAN, state=ContainerState.EXITED)
    assert decide(RUNS, [ended], NOT_SEEN, NOW).steps == (Remove(container_id="c0"), *ANEW)


def test_an_update_that_is_refused_is_asked_for_again_after_its_pause() -> None:
    last = replace(TRIES, failure="image-missing", failures=1, retry_at=NOW + SECOND)
    early = decide(RUNS, [RAN], last, NOW)
    assert (early.steps, early.look_at) == ((), NOW + SECOND)
    assert decide(RUNS, [RAN], last, NOW + SECOND).steps == (
        Update(container_id="c0", spec=SPEC),
    )


@pytest.mark.parametrize("change", [Change.UNDER_WAY, Change.GOING_BACK])
@pytest.mark.parametrize("generation", [2, 3])
@pytest.mark.parametrize("health", [None, *Health])
def test_while_it_changes_the_engine_is_left_alone(
    change: Change, generation: int, health: Health | None
) -> None:
    for state in (ContainerState.CREATED, ContainerState.RUNNING, ContainerState.EXITED):
        seen = replace(
            CHANGES, change=change, generation=generation, state=state, health=health
        )
        plan = decide(RUNS, [seen], TRIES, NOW + 100 * SECOND)
        assert plan.steps == ()
        assert plan.look_at is not None
        assert (plan.note.failure, plan.note.failures) == (None, 0)


@pytest.mark.parametrize(
    ("generation", "health", "goes_back"),
    [(2, None, True), (3, Health.STARTING, True), (3, None, False)],
)
def test_a_change_that_takes_too_long_is_taken_back(
    generation: int, health: Health | None, *, goes_back: bool
) -> None:
    seen = replace(CHANGES, generation=generation, health=health)
    plan = decide(RUNS, [seen], TRIES, NOW + 150 * SECOND)
    assert plan.steps == ((GoBack(container_id="c0"),) if goes_back else ())


def test_a_way_back_that_takes_too_long_is_looked_after_as_ever() -> None:
    seen = replace(CHANGES, change=Change.GOING_BACK, state=ContainerState.CREATED)
    late = timedelta(minutes=5)
    assert Remove(container_id="c0") in decide(RUNS, [seen], TRIES, NOW + late).steps


def test_what_did_not_come_up_is_told_and_not_tried_again() -> None:
    plan = decide(RUNS, [BACK], TRIES, NOW)
    assert plan.steps == ()
    note = plan.note
    assert (note.failure, note.detail) == (ROLLED_BACK, "unhealthy container")
    assert (note.given_up, note.generation) == (3, 2)
    # The engine forgets how it ended with the next change, if only of a network.
    forgotten = replace(RAN, changed_to=3)
    assert decide(RUNS, [forgotten], note, NOW + timedelta(days=1)) == replace(
        plan, note=note
    )


def test_the_next_change_is_tried() -> None:
    note = decide(RUNS, [BACK], TRIES, NOW).note
    newer = replace(RUNS, spec=replace(SPEC, generation=4))
    plan = decide(newer, [BACK], note, NOW)
    assert plan.steps == (Update(container_id="c0", spec=newer.spec),)
    assert (plan.note.failure, plan.note.given_up) == (None, 0)


def test_an_older_way_back_says_nothing_of_what_is_wanted_now() -> None:
    plan = decide(RUNS, [replace(BACK, changed_to=1)], TRIES, NOW)
    assert plan.steps == (Update(container_id="c0", spec=SPEC),)


def test_what_it_went_back_to_is_looked_after_like_any_other() -> None:
    note = decide(RUNS, [BACK], TRIES, NOW).note
    ended = replace(BACK, state=ContainerState.EXITED, exit_code=1)
    crashed = decide(RUNS, [ended], note, NOW).note
    assert (crashed.failure, crashed.given_up) == ("crashed", 3)
    again = decide(RUNS, [ended], crashed, NOW + SECOND)
    assert again.steps == (Start(container_id="c0"),)
    up = decide(RUNS, [BACK], again.note, NOW + 2 * SECOND)
    assert (up.steps, up.note.failure) == ((), ROLLED_BACK)
    assert decide(STOPS, [BACK], note, NOW).steps == (Stop(container_id="c0"),)
    cut = SetNetwork(container_id="c0", network=NetworkPolicy.CUT)
    assert decide(CUT, [BACK], note, NOW).steps == (cut,)


def test_without_anything_to_go_back_to_the_new_one_is_tried_again() -> None:
    note = decide(RUNS, [BACK], TRIES, NOW).note
    plan = decide(RUNS, [], note, NOW)
    assert plan.steps == (Create(spec=SPEC), Start(container_id=None))
    assert plan.note.given_up == 0
