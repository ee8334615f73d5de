"""The token that a bot's container holds, as the reconciler keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.adapters.reconciler.scene import Scene, hash_of


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_container_holds_a_token_that_is_known(scene: Scene) -> None:
    bot = scene.running()
    held = scene.workspaces.held_token(bot)
    assert held is not None
    assert scene.bot(bot).container_token == hash_of(held.token)
    scene.settle()
    assert scene.workspaces.held_token(bot) == held


def test_a_token_that_is_lost_revoked_or_old_is_replaced(scene: Scene) -> None:
    scene.token_life = timedelta(hours=1)
    scene.worker = scene.new_worker()
    bot = scene.running()
    tokens = scene.workspaces.tokens
    losses: list[Callable[[], None]] = [
        tokens.clear,
        lambda: scene.ask(bot, lambda bot: bot.revoke_tokens()),
        lambda: tokens.update({bot: replace(tokens[bot], since=scene.now)}),
    ]
    for lose in losses:
        before = tokens[bot].token
        lose()
        scene.later(3600)
        scene.settle(2)
        assert tokens[bot].token != before
        assert scene.bot(bot).container_token == hash_of(tokens[bot].token)


def test_a_quarantined_bot_gets_no_token(scene: Scene) -> None:
    bot = scene.running()
    scene.ask(bot, lambda bot: bot.quarantine("odd calls"))
    scene.ask(bot, lambda bot: bot.revoke_tokens())
    scene.settle()
    assert scene.bot(bot).container_token is None
