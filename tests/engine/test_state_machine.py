"""The reconciler on a real engine: whatever people and hands do, it ends as they want it.

The longer search, with faults of engine and worker, is on the scripted engine
(`tests/adapters/reconciler/test_state_machine.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import pytest
from docker.errors import APIError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)

from domain.bot_events import BotEvent, DesiredState
from domain.bots import Bot
from domain.containers import ContainerState, NetworkPolicy
from domain.errors import Refused
from projections.bot_status import BotStatus
from tests.adapters.reconciler.scene import Scene
from tests.engine.given import Bots, Folders
from tests.engine.images import BREAKOUT_IMAGE

pytestmark = pytest.mark.xdist_group("dockerd")

BOTS = 2
ASKS = ("start", "start", "restart", "stop", "release", "delete")
EXAMPLES, STEPS = (20, 15) if os.environ.get("CLAWBOT_SOAK") else (2, 8)


class OnAnEngine(RuleBasedStateMachine):
    there: ClassVar[Bots]
    bots = Bundle("bots")

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene(
            engine=self.there.engine,
            workspaces=Folders(self.there),
            now=datetime.now(UTC),
            image=BREAKOUT_IMAGE,
        )
        self.ever: list[UUID] = []

    @initialize(target=bots)
    def begin(self) -> Any:
        for _ in range(BOTS):
            self.ever.append(self.scene.create())
            self._ask(self.ever[-1], lambda bot: bot.start())
        self._settle()
        return multiple(*self.ever)

    @rule(bot=bots, what=st.sampled_from(ASKS), looks=st.booleans())
    def ask(self, bot: UUID, what: str, *, looks: bool) -> None:
        self._ask(bot, lambda state: getattr(state, what)())
        if looks:
            self.scene.look_after(bot)

    @rule(bot=bots)
    def quarantine(self, bot: UUID) -> None:
        self._ask(bot, lambda state: state.quarantine("odd calls"))

    @rule(bot=bots, network=st.sampled_from(["isolated", "egress"]))
    def configure(self, bot: UUID, network: str) -> None:
        if not self.scene.bot(bot).deleted:
            self.scene.configure(bot, BREAKOUT_IMAGE, NetworkPolicy(network))

    @rule(bot=bots, what=st.sampled_from(["kill", "remove"]))
    def by_hand(self, bot: UUID, what: str) -> None:
        """Somebody who may use the engine kills or removes its container."""
        with self.there.dockerd.client() as client:
            for one in self._of(bot):
                found = client.containers.get(one.container_id)
                with suppress(APIError):  # it does not run
                    found.kill() if what == "kill" else found.remove(force=True)

    @rule()
    def look(self) -> None:
        self.scene.project()
        self.scene.make_pass()

    def teardown(self) -> None:
        self._settle()
        self.scene.later(300)
        self._settle()
        for bot_id in self.ever:
            self._is_as_wanted(bot_id)
        for bot_id in self.ever:
            self._ask(bot_id, lambda bot: bot.delete())
        self._settle()
        assert self.there.engine.orphans(frozenset()) == []

    def _settle(self) -> None:
        self.scene.settle(4)

    def _of(self, bot_id: UUID) -> list[Any]:
        return [one for one in self.there.engine.containers() if one.bot_id == bot_id]

    def _ask(self, bot: UUID, decide: Callable[[Bot], Sequence[BotEvent]]) -> None:
        if not self.scene.bot(bot).deleted:
            with suppress(Refused):
                self.scene.ask(bot, decide)

    def _is_as_wanted(self, bot_id: UUID) -> None:
        bot, containers = self.scene.bot(bot_id), self._of(bot_id)
        if bot.deleted:
            assert containers == []
            return
        assert len(containers) <= 1
        status = self.scene.row(bot_id).status
        runs = bool(containers) and containers[0].state is ContainerState.RUNNING
        if bot.quarantined:
            assert all(one.network is NetworkPolicy.CUT for one in containers)
        elif bot.desired is DesiredState.RUNNING:
            assert runs
            assert containers[0].generation == bot.generation
            assert containers[0].network is bot.network
            assert status is BotStatus.RUNNING
        else:
            assert not runs
            assert status in {BotStatus.CREATED, BotStatus.STOPPED}


def test_whatever_is_done_bots_on_a_real_engine_end_up_as_wanted(bots: Bots) -> None:
    class Here(OnAnEngine):
        there = bots

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            phases=[Phase.generate],  # a real engine is too slow to search for less
            suppress_health_check=list(HealthCheck),
        ),
    )
