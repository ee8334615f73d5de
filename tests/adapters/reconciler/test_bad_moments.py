"""Commands that come at a bad moment, and engines that will not: nothing half made."""

from __future__ import annotations

from operator import methodcaller

import pytest

from adapters.memory_engine import Fault
from application.engines import CannotRun, EngineUnavailable
from domain.containers import ContainerState
from projections.bot_status import BotStatus
from tests.adapters.reconciler.scene import Scene


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize("passes", range(4))
def test_a_bot_that_is_deleted_while_it_starts_leaves_nothing(
    scene: Scene, passes: int
) -> None:
    bot = scene.create()
    scene.ask(bot, lambda bot: bot.start())
    scene.settle(passes)
    scene.ask(bot, lambda bot: bot.delete())
    scene.settle()
    assert scene.engine.of(bot) == []
    assert scene.workspaces.with_secrets() == set()


def test_a_bot_that_is_deleted_between_the_look_and_the_act_is_not_made(
    scene: Scene,
) -> None:
    bot = scene.create()
    scene.ask(bot, lambda bot: bot.start())
    look = scene.worker.look_at([bot])
    scene.ask(bot, lambda bot: bot.delete())
    calls = scene.engine.calls
    scene.look_after(bot, look)
    assert (scene.engine.of(bot), scene.engine.calls) == ([], calls)


@pytest.mark.parametrize("after", [False, True])
def test_a_bot_that_is_deleted_while_the_engine_leaves_in_its_start_is_gone(
    scene: Scene, *, after: bool
) -> None:
    bot = scene.create()
    scene.ask(bot, lambda bot: bot.start())
    scene.engine.faults.append(Fault(EngineUnavailable(), after=after))
    with pytest.raises(EngineUnavailable):
        scene.look_after(bot)
    scene.ask(bot, lambda bot: bot.delete())
    scene.settle()
    assert scene.engine.of(bot) == []


@pytest.mark.parametrize(
    "code", ["image-missing", "image-not-allowed", "port-in-use", "no-space", "name-taken"]
)
def test_what_an_engine_refuses_is_told_by_its_code_and_heals_when_it_may(
    scene: Scene, code: str
) -> None:
    bot, other = scene.create(), scene.running()
    scene.engine.refuses[bot] = CannotRun(code, "its own words")
    scene.ask(bot, lambda bot: bot.start())
    scene.settle()
    row = scene.row(bot)
    assert (row.status, row.seen.failure) == (BotStatus.ERROR, code)
    assert row.seen.retry_at is not None
    assert not any(one.state is ContainerState.RUNNING for one in scene.engine.of(bot))
    assert scene.row(other).status is BotStatus.RUNNING
    scene.engine.refuses.clear()
    scene.later(300)
    scene.settle()
    assert scene.row(bot).status is BotStatus.RUNNING
    assert len(scene.engine.of(bot)) == 1


def test_commands_that_contradict_each_other_end_as_the_last_one_says(
    scene: Scene,
) -> None:
    bot = scene.create()
    for last in ("stop", "start"):
        for what in ("start", "stop", "restart", "start", "stop", last):
            scene.ask(bot, methodcaller(what))
            scene.make_pass()
        scene.settle()
        wanted = BotStatus.RUNNING if last == "start" else BotStatus.STOPPED
        assert scene.row(bot).status is wanted
        assert len(scene.engine.of(bot)) <= 1
