"""One worker and a scripted engine: what comes of commands, crashes and outages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from adapters.memory_engine import Fault
from application.engines import CannotRun, EngineUnavailable
from domain.bot_events import Runtime
from domain.containers import ContainerState, Health, NetworkPolicy
from domain.runs import NOT_SEEN
from projections.bot_status import BotStatus
from tests.adapters.reconciler.scene import Scene


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_bot_that_is_started_runs_and_its_status_says_so(scene: Scene) -> None:
    bot = scene.create()
    scene.settle()
    assert scene.row(bot).status is BotStatus.CREATED
    scene.ask(bot, lambda bot: bot.start())
    assert scene.row(bot).status is BotStatus.STARTING
    scene.settle()
    (container,) = scene.engine.of(bot)
    assert container.state is ContainerState.RUNNING
    assert scene.row(bot).status is BotStatus.RUNNING
    assert scene.seen(bot).container_id == container.container_id
    assert scene.seen(bot).revision is not None


def test_nothing_is_recorded_while_nothing_changes(scene: Scene) -> None:
    scene.running()
    head, calls = scene.log.head(), scene.engine.calls
    for _ in range(5):
        scene.later(15)
        scene.make_pass()
    assert (scene.log.head(), scene.engine.calls) == (head, calls)


def test_stopped_then_started_it_has_a_new_container_then_deleted_none(
    scene: Scene,
) -> None:
    bot = scene.running()
    before = scene.ids(bot)
    scene.ask(bot, lambda bot: bot.stop())
    assert scene.row(bot).status is BotStatus.STOPPING
    scene.settle()
    assert scene.row(bot).status is BotStatus.STOPPED
    assert scene.ids(bot) == before  # kept, for its logs
    scene.ask(bot, lambda bot: bot.start())
    scene.settle()
    assert len(scene.ids(bot)) == 1
    assert scene.ids(bot) != before
    scene.ask(bot, lambda bot: bot.delete())
    scene.settle()
    assert scene.ids(bot) == []
    assert scene.seen(bot) == NOT_SEEN
    assert scene.workspaces.held_token(bot) is None


def test_a_restart_and_another_image_each_replace_the_container(scene: Scene) -> None:
    bot = scene.running()
    changes: list[Callable[[], None]] = [
        lambda: scene.ask(bot, lambda bot: bot.restart()),
        lambda: scene.configure(bot, "clawbot/tiny:2"),
        lambda: scene.configure(bot, "clawbot/tiny:2", NetworkPolicy.EGRESS),
    ]
    for change in changes:
        before = scene.ids(bot)
        change()
        scene.settle()
        assert len(scene.ids(bot)) == 1
        assert scene.ids(bot) != before
    (container,) = scene.engine.of(bot)
    assert (container.image, container.network) == ("clawbot/tiny:2", NetworkPolicy.EGRESS)


def test_what_is_not_of_the_container_is_written_and_replaces_nothing(scene: Scene) -> None:
    bot = scene.running()
    before = scene.ids(bot)
    scene.ask(bot, lambda bot: bot.rename("Grace"))
    scene.look_after(bot)
    assert scene.workspaces.prepared[bot].name == "Grace"
    assert scene.ids(bot) == before


def test_a_bot_that_is_behind_its_folders_is_asked_again_until_it_has_read_them(
    scene: Scene,
) -> None:
    bot = scene.running()
    old = scene.seen(bot).revision
    assert scene.readers.asked == []  # what it was started with, it has read
    scene.readers.behind = {bot: old}
    scene.ask(bot, lambda bot: bot.revoke_tokens())
    assert scene.look_after(bot) == scene.now + timedelta(seconds=5)
    assert scene.seen(bot).revision == old
    scene.readers.behind = {bot: None}  # it does not say
    assert scene.look_after(bot) == scene.now + timedelta(seconds=5)
    scene.readers.behind = {}
    assert scene.look_after(bot) is None
    assert scene.seen(bot).revision not in {None, old}
    assert scene.look_after(bot) is None
    assert len(scene.readers.asked) == 3


def test_a_quarantined_bot_is_cut_off_and_is_not_started_again(scene: Scene) -> None:
    bot = scene.running()
    before = scene.ids(bot)
    scene.ask(bot, lambda bot: bot.quarantine("odd calls"))
    scene.settle()
    (container,) = scene.engine.of(bot)
    assert container.network is NetworkPolicy.CUT
    assert container.state is ContainerState.RUNNING
    scene.engine.crash(bot)
    scene.later(600)
    scene.settle()
    assert scene.engine.of(bot)[0].state is ContainerState.EXITED
    scene.ask(bot, lambda bot: bot.release())
    scene.settle()
    scene.later(1)
    scene.settle()
    (container,) = scene.engine.of(bot)
    assert container.network is NetworkPolicy.ISOLATED
    assert container.state is ContainerState.RUNNING
    assert scene.ids(bot) == before


def test_a_crash_loop_is_an_error_with_growing_pauses(scene: Scene) -> None:
    bot, pauses = scene.running(), list[float]()
    for _ in range(6):
        scene.engine.crash(bot, exit_code=3)
        scene.settle()
        row = scene.row(bot)
        assert row.status is BotStatus.ERROR
        assert (row.seen.failure, row.seen.exit_code) == ("crashed", 3)
        assert row.seen.retry_at is not None
        pauses.append((row.seen.retry_at - scene.now).total_seconds())
        scene.later(pauses[-1])
        scene.settle()
        assert scene.row(bot).status is BotStatus.RUNNING
    assert pauses == [1, 2, 4, 8, 16, 32]
    scene.later(60)
    scene.settle()
    assert scene.seen(bot).failures == 0


def test_what_the_engine_refuses_is_told_and_a_better_image_is_tried_at_once(
    scene: Scene,
) -> None:
    bot = scene.create()
    scene.engine.refuses[bot] = CannotRun("image-missing", "no such image")
    scene.ask(bot, lambda bot: bot.start())
    scene.settle()
    row = scene.row(bot)
    assert (row.status, row.seen.failure, row.seen.detail) == (
        BotStatus.ERROR,
        "image-missing",
        "no such image",
    )
    for _ in range(9):
        scene.later(300)
        scene.settle()
    assert scene.seen(bot).failures == 10
    scene.engine.refuses.clear()
    scene.configure(bot, "clawbot/tiny:3")
    scene.settle()
    assert scene.row(bot).status is BotStatus.RUNNING
    assert scene.seen(bot).failures == 0


def test_a_workspace_that_cannot_be_made_is_told_and_does_not_stop_what_runs(
    scene: Scene,
) -> None:
    runs, starts = scene.running(), scene.create()
    scene.workspaces.refused = {runs: "no-space", starts: "no-space"}
    scene.ask(starts, lambda bot: bot.start())
    scene.settle()
    assert scene.row(runs).status is BotStatus.RUNNING
    assert scene.seen(starts).failure == "no-space"
    assert scene.ids(starts) == []


def test_a_container_that_never_gets_well_is_an_error(scene: Scene) -> None:
    scene.engine.health = Health.STARTING
    bot = scene.running()
    assert scene.row(bot).status is BotStatus.STARTING
    scene.later(120)
    scene.settle()
    assert scene.seen(bot).failure == "start-timeout"
    assert scene.row(bot).status is BotStatus.ERROR
    scene.engine.health = Health.HEALTHY
    scene.later(2)
    scene.settle()
    assert scene.row(bot).status is BotStatus.RUNNING


def test_while_the_engine_is_away_every_bot_is_unknown_and_then_all_heals(
    scene: Scene,
) -> None:
    bots = [scene.running() for _ in range(3)]
    idle = scene.create()
    scene.project()
    scene.engine.leave()
    with pytest.raises(EngineUnavailable):
        scene.make_pass()
    assert scene.worker.lose_sight() == 3
    scene.project()
    assert scene.worker.lose_sight() == 0
    assert {scene.row(bot).status for bot in bots} == {BotStatus.UNKNOWN}
    assert scene.row(idle).status is BotStatus.CREATED
    scene.engine.come_back(containers_ended=True)
    scene.settle()
    assert {scene.row(bot).status for bot in bots} == {BotStatus.RUNNING}
    assert {scene.seen(bot).failures for bot in bots} == {0}


def test_an_engine_that_leaves_in_the_middle_leaves_nothing_half_done(scene: Scene) -> None:
    bot = scene.running()
    for place in range(4):  # stop, remove, create, start
        scene.ask(bot, lambda bot: bot.restart())
        scene.project()
        scene.engine.faults.extend([*[None] * place, Fault(EngineUnavailable())])
        with pytest.raises(EngineUnavailable):
            scene.make_pass()
        scene.settle()
        assert len(scene.ids(bot)) == 1
        assert scene.row(bot).status is BotStatus.RUNNING


def test_a_bot_in_another_workers_hand_is_left_to_it(scene: Scene) -> None:
    bot = scene.running()
    scene.ask(bot, lambda bot: bot.stop())
    scene.locks.held.add(bot)
    assert scene.look_after(bot) == scene.now + timedelta(seconds=1)
    assert scene.engine.of(bot)[0].state is ContainerState.RUNNING


def test_a_look_from_before_another_worker_acted_is_not_acted_upon(scene: Scene) -> None:
    bot = scene.running()
    look, _ = scene.worker.look_at_all()
    scene.engine.crash(bot)
    scene.settle()
    calls = scene.engine.calls
    assert scene.look_after(bot, look) == scene.now
    assert scene.engine.calls == calls


def test_containers_of_nobody_and_of_other_runtimes_are_left_alone(scene: Scene) -> None:
    mine = scene.running()
    (container,) = scene.engine.of(mine)
    nobodys = replace(container, container_id="orphan", bot_id=uuid4())
    external = scene.create(runtime=Runtime.EXTERNAL)
    moved = replace(container, container_id="moved", bot_id=external)
    scene.engine.put(nobodys)
    scene.engine.put(moved)
    scene.settle()
    assert set(scene.engine.containers_by_id) == {container.container_id, "orphan", "moved"}


def test_a_second_container_of_a_bot_is_removed(scene: Scene) -> None:
    bot = scene.running()
    (container,) = scene.engine.of(bot)
    scene.engine.put(replace(container, container_id="second", generation=1))
    scene.settle()
    assert scene.ids(bot) == [container.container_id]


def test_what_a_deleted_bot_left_is_removed_even_if_nobody_rang(scene: Scene) -> None:
    bot = scene.running()
    scene.ask(bot, lambda bot: bot.delete())
    scene.project()
    assert scene.directory.rows == {}
    scene.make_pass()
    assert scene.ids(bot) == []
