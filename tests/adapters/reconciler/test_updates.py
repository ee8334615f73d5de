"""One worker and a scripted engine that changes containers in their place."""

from __future__ import annotations

from domain.runs import ROLLED_BACK
from projections.bot_status import BotStatus
from tests.adapters.reconciler.scene import Scene


def test_where_the_engine_can_a_bot_is_changed_in_its_place_and_comes_back() -> None:
    scene = Scene()
    scene.engine.in_place, scene.engine.broken = True, {"clawbot/tiny:bad"}
    bot = scene.running()
    before = scene.ids(bot)
    for image, status, failure in (
        ("clawbot/tiny:2", BotStatus.RUNNING, None),
        ("clawbot/tiny:bad", BotStatus.RUNNING, ROLLED_BACK),
        ("clawbot/tiny:3", BotStatus.RUNNING, None),
    ):
        scene.configure(bot, image)
        scene.settle()
        calls = scene.engine.calls
        scene.later(600)
        scene.settle()
        row = scene.row(bot)
        assert (row.status, row.seen.failure) == (status, failure)
        assert scene.engine.calls == calls, "what is known to be bad is not tried again"
        (container,) = scene.engine.of(bot)
        runs = "clawbot/tiny:2" if failure else image
        assert (container.image, scene.ids(bot)) == (runs, before)
