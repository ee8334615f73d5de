"""What is done next for a bot's container: every case that a look can find."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from domain.bot_events import BotConfigured, BotQuarantined, BotStarted
from domain.bots import Bot
from domain.container_plans import (
    Create,
    Plan,
    Remove,
    SetNetwork,
    Start,
    Stop,
    Wanted,
    wanted_of,
)
from domain.containers import (
    SMALL,
    ContainerSpec,
    ContainerState,
    Health,
    NetworkPolicy,
    SeenContainer,
)
from domain.reconciling import decide, pause_after, unseen
from domain.runs import NOT_SEEN, Observation

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BOT = uuid4()
SECOND = timedelta(seconds=1)
SPEC = ContainerSpec(
    bot_id=BOT,
    team_id=uuid4(),
    hostname="ada",
    generation=3,
    image="clawbot/tiny:1",
    resources=SMALL,
    network=NetworkPolicy.ISOLATED,
)
RUNS = Wanted(spec=SPEC, runs=True)
STOPS = Wanted(spec=SPEC, runs=False)
DELETED = Wanted(spec=SPEC, runs=True, exists=False)
CUT = replace(RUNS, spec=replace(SPEC, network=NetworkPolicy.CUT))
UP = SeenContainer(
    container_id="c1",
    bot_id=BOT,
    generation=3,
    state=ContainerState.RUNNING,
    started_at=NOW - timedelta(seconds=5),
    created_at=NOW - timedelta(seconds=6),
)
MADE = replace(UP, state=ContainerState.CREATED, started_at=None)
DOWN = replace(UP, state=ContainerState.EXITED, exit_code=1, error="boom")
OLD = replace(UP, container_id="c0", generation=2)
ANEW = (Create(spec=SPEC), Start(container_id=None))
WAS_UP = Observation(state=ContainerState.RUNNING, generation=3, container_id="c1", tried=3)


def test_what_should_run_and_is_not_there_is_made_and_started() -> None:
    assert decide(RUNS, [], NOT_SEEN, NOW).steps == ANEW


def test_what_is_made_is_started() -> None:
    assert decide(RUNS, [MADE], NOT_SEEN, NOW).steps == (Start(container_id="c1"),)


def test_what_runs_as_it_should_is_left_alone() -> None:
    plan = decide(RUNS, [UP], NOT_SEEN, NOW)
    assert plan == Plan(note=WAS_UP)
    assert decide(RUNS, [UP], plan.note, NOW) == plan


def test_a_container_of_an_older_generation_is_replaced() -> None:
    plan = decide(RUNS, [OLD], NOT_SEEN, NOW)
    assert plan.steps == (Stop(container_id="c0"), Remove(container_id="c0"), *ANEW)
    ended = replace(OLD, state=ContainerState.EXITED)
    assert decide(RUNS, [ended], NOT_SEEN, NOW).steps == (Remove(container_id="c0"), *ANEW)


def test_what_should_not_run_is_stopped_and_kept() -> None:
    assert decide(STOPS, [UP], NOT_SEEN, NOW).steps == (Stop(container_id="c1"),)
    assert decide(STOPS, [OLD], NOT_SEEN, NOW).steps == (Stop(container_id="c0"),)
    for still in (DOWN, MADE):
        assert decide(STOPS, [still], NOT_SEEN, NOW).steps == ()
    assert decide(STOPS, [], WAS_UP, NOW) == Plan(note=NOT_SEEN)


def test_everything_of_a_deleted_bot_is_removed() -> None:
    plan = decide(DELETED, [UP, OLD], WAS_UP, NOW)
    assert plan.note == NOT_SEEN
    assert set(plan.steps) == {Remove(container_id="c0"), Remove(container_id="c1")}


@pytest.mark.parametrize("second", [OLD, DOWN, MADE])
def test_of_two_containers_the_right_one_is_kept(second: SeenContainer) -> None:
    second = replace(second, container_id="c2")
    for seen in ([UP, second], [second, UP]):
        assert decide(RUNS, seen, NOT_SEEN, NOW).steps == (Remove(container_id="c2"),)


def test_the_right_generation_is_kept_even_if_only_the_other_one_runs() -> None:
    plan = decide(RUNS, [OLD, DOWN], WAS_UP, NOW)
    assert plan.steps == (Remove(container_id="c0"),)


def test_a_quarantined_bot_is_cut_off_and_goes_on() -> None:
    assert decide(CUT, [UP], WAS_UP, NOW).steps == (
        SetNetwork(container_id="c1", network=NetworkPolicy.CUT),
    )
    is_cut = replace(UP, network=NetworkPolicy.CUT)
    assert decide(CUT, [is_cut], WAS_UP, NOW).steps == ()
    assert decide(RUNS, [is_cut], WAS_UP, NOW).steps == (
        SetNetwork(container_id="c1", network=NetworkPolicy.ISOLATED),
    )


@pytest.mark.parametrize("seen", [[], [MADE], [DOWN], [replace(OLD, state=DOWN.state)]])
def test_in_quarantine_nothing_is_started(seen: list[SeenContainer]) -> None:
    plan = decide(CUT, seen, WAS_UP, NOW)
    assert not any(isinstance(step, Create | Start) for step in plan.steps)


def test_a_crash_is_told_with_its_reason_and_tried_again_after_a_second() -> None:
    plan = decide(RUNS, [DOWN], WAS_UP, NOW)
    assert (plan.steps, plan.look_at) == ((), NOW + SECOND)
    note = plan.note
    assert (note.failure, note.detail, note.exit_code, note.failures) == (
        "crashed",
        "boom",
        1,
        1,
    )
    assert decide(RUNS, [DOWN], note, NOW).steps == ()
    again = decide(RUNS, [DOWN], note, NOW + SECOND)
    assert again.steps == (Start(container_id="c1"),)
    assert (again.note.failures, again.note.retry_at) == (1, None)


@pytest.mark.parametrize(
    ("ended", "failure"),
    [
        (replace(DOWN, exit_code=0), "exited"),
        (replace(DOWN, exit_code=137, out_of_memory=True), "out-of-memory"),
    ],
)
def test_why_a_container_ended(ended: SeenContainer, failure: str) -> None:
    assert decide(RUNS, [ended], WAS_UP, NOW).note.failure == failure


def test_pauses_grow_to_five_minutes() -> None:
    pauses = [pause_after(failures).seconds for failures in range(1, 12)]
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_failures_are_forgotten_after_a_minute_of_health_not_before() -> None:
    last = replace(WAS_UP, failures=4)
    early = decide(RUNS, [UP], last, NOW)
    assert (early.note.failures, early.look_at) == (4, NOW + 55 * SECOND)
    assert decide(RUNS, [UP], last, NOW + 55 * SECOND).note.failures == 0


def test_a_new_generation_begins_without_failures_and_without_a_pause() -> None:
    last = replace(WAS_UP, failures=9, failure="image-missing", retry_at=NOW + 300 * SECOND)
    assert decide(RUNS, [], last, NOW).steps == ()
    newer = replace(RUNS, spec=replace(SPEC, generation=4))
    plan = decide(newer, [], last, NOW)
    assert plan.steps == (Create(spec=newer.spec), Start(container_id=None))
    assert (plan.note.failures, plan.note.failure, plan.note.tried) == (0, None, 4)


@pytest.mark.parametrize("last", [unseen(WAS_UP), WAS_UP])
def test_what_ended_with_the_engine_did_not_crash(last: Observation) -> None:
    plan = decide(RUNS, [DOWN], last, NOW, forgiven=last is WAS_UP)
    assert plan.steps == (Start(container_id="c1"),)
    assert (plan.note.failures, plan.note.failure) == (0, None)


@pytest.mark.parametrize(
    ("health", "seconds", "failure"),
    [
        (Health.STARTING, 119, None),
        (Health.STARTING, 120, "start-timeout"),
        (Health.HEALTHY, 999, None),
        (Health.UNHEALTHY, 1, "unhealthy"),
    ],
)
def test_a_container_that_is_not_well_is_stopped_and_tried_again(
    health: Health, seconds: int, failure: str | None
) -> None:
    seen = replace(UP, health=health, started_at=NOW - seconds * SECOND)
    plan = decide(RUNS, [seen], WAS_UP, NOW)
    assert plan.note.failure == failure
    if failure is None:
        assert plan.steps == ()
        return
    assert plan.steps == (Stop(container_id="c1"),)
    again = decide(RUNS, [seen], plan.note, NOW + 5 * SECOND)
    assert (again.steps, again.note) == (plan.steps, plan.note)  # counted once
    stopped = replace(seen, state=ContainerState.EXITED, exit_code=137, health=None)
    after = decide(RUNS, [stopped], plan.note, NOW + SECOND)
    assert after.steps == (Start(container_id="c1"),)
    assert after.note.failure == failure  # until it runs


def test_a_container_that_never_gets_to_run_is_told() -> None:
    seen = replace(MADE, created_at=NOW - timedelta(days=1), error="no node fits")
    first = decide(RUNS, [seen], WAS_UP, NOW)
    assert (first.note.tried_at, first.note.failure) == (NOW, None)
    soon = decide(RUNS, [seen], first.note, NOW + 119 * SECOND)
    assert soon == first  # still the same attempt, and nothing new to note
    plan = decide(RUNS, [seen], first.note, NOW + 120 * SECOND)
    assert (plan.note.failure, plan.note.detail) == ("start-timeout", "no node fits")
    again = decide(RUNS, [seen], plan.note, NOW + 121 * SECOND)
    assert again.note.tried_at == NOW + 121 * SECOND
    assert again.steps == (Remove(container_id="c1"), *ANEW)
    assert decide(RUNS, [seen], again.note, NOW + 125 * SECOND).note == again.note


@pytest.mark.parametrize("seen", [MADE, DOWN])
def test_what_an_engine_could_not_start_is_made_anew(seen: SeenContainer) -> None:
    last = replace(WAS_UP, failure="name-taken", failures=1, retry_at=NOW, state=seen.state)
    plan = decide(RUNS, [seen], last, NOW)
    assert plan.steps == (Remove(container_id="c1"), *ANEW)


def test_while_the_engine_is_away_nothing_is_known_and_nothing_forgotten() -> None:
    last = replace(WAS_UP, health=Health.HEALTHY, failures=2)
    lost = unseen(last)
    assert (lost.state, lost.health) == (ContainerState.UNKNOWN, None)
    assert (lost.failures, lost.container_id) == (2, "c1")
    assert unseen(lost) == lost


def test_what_is_wanted_stands_in_the_bots_own_stream() -> None:
    bot = Bot(team_id=SPEC.team_id, hostname="ada")  # type: ignore[arg-type]
    for event in (
        BotConfigured(
            image=SPEC.image, resources=SMALL, network=NetworkPolicy.EGRESS, port=9201
        ),
        BotStarted(generation=2),
    ):
        bot = bot.evolve(event)
    wanted = wanted_of(BOT, bot)
    network = NetworkPolicy.EGRESS
    spec = replace(SPEC, generation=2, network=network, port=9201)
    assert wanted == Wanted(spec=spec, runs=True)
    cut = wanted_of(BOT, bot.evolve(BotQuarantined(reason="odd calls")))
    assert cut.spec.network is NetworkPolicy.CUT
    assert not cut.may_start
