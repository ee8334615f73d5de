"""Whatever people, engines and dying workers do in whatever order: it ends well.

After every step the scripted engine itself complains of a second container and of a touch
of a foreign one. In the end, with all faults over, every bot is what people want of it, and
what is on record of it is true.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from adapters.memory_engine import Fault
from application.engines import CannotRun, EngineUnavailable
from domain.bot_events import DesiredState
from domain.containers import ContainerState, Health, NetworkPolicy
from domain.errors import Refused
from projections.bot_status import BotStatus
from tests.adapters.reconciler.scene import Scene, hash_of


class WorkerDied(BaseException):
    """The worker is killed in the middle of a call."""


MOST_BOTS = 6
ASKS = ("start", "start", "stop", "restart", "release", "delete", "revoke_tokens")
ENDED = Fault(EngineUnavailable()), Fault(EngineUnavailable(), after=True)
DIED = Fault(WorkerDied()), Fault(WorkerDied(), after=True)


class Fleet(RuleBasedStateMachine):
    bots = Bundle("bots")

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene()
        self.strays: set[str] = set()
        self.ever: list[UUID] = []
        self.ended = False  # what ran, with the engine

    @initialize(target=bots, in_place=st.booleans())
    def begin(self, *, in_place: bool) -> Any:
        self.scene.engine.in_place = in_place
        self.ever = [self.scene.running() for _ in range(3)]
        return multiple(*self.ever)

    @precondition(lambda self: len(self.ever) < MOST_BOTS)
    @rule(target=bots)
    def create(self) -> UUID:
        self.ever.append(self.scene.create())
        return self.ever[-1]

    @rule(bot=bots, what=st.sampled_from(ASKS))
    def ask(self, bot: UUID, what: str) -> None:
        self._ask(bot, lambda state: getattr(state, what)())

    @rule(bot=bots)
    def quarantine(self, bot: UUID) -> None:
        self._ask(bot, lambda state: state.quarantine("odd calls"))

    @rule(bot=bots, tag=st.integers(1, 3), network=st.sampled_from(["isolated", "egress"]))
    def configure(self, bot: UUID, tag: int, network: str) -> None:
        self.scene.configure(bot, f"clawbot/tiny:{tag}", NetworkPolicy(network))

    @rule(bot=bots, code=st.sampled_from([0, 1, 137]))
    def crash(self, bot: UUID, code: int) -> None:
        self.scene.engine.crash(bot, exit_code=code)

    @rule(bot=bots, refused=st.booleans())
    def refuse(self, bot: UUID, *, refused: bool) -> None:
        self.scene.engine.refuses.pop(bot, None)
        if refused:
            self.scene.engine.refuses[bot] = CannotRun("port-in-use")

    @rule(health=st.sampled_from([None, *Health]))
    def health_of_what_starts(self, health: Health | None) -> None:
        self.scene.engine.health = health

    @precondition(lambda self: not self.scene.engine.faults)
    @rule(before=st.integers(0, 3), fault=st.sampled_from([*ENDED, *DIED]))
    def break_soon(self, before: int, fault: Fault) -> None:
        self.scene.engine.faults.extend([*[None] * before, fault])

    @precondition(lambda self: not self.scene.engine.away)
    @rule(ended=st.booleans(), noticed=st.booleans())
    def leave(self, *, ended: bool, noticed: bool) -> None:
        self.scene.engine.leave()
        self.ended = ended
        if noticed:
            self._work(self.scene.make_pass)

    @precondition(lambda self: self.scene.engine.away)
    @rule()
    def come_back(self) -> None:
        self.scene.engine.come_back(containers_ended=self.ended)

    @rule(bot=bots)
    def tamper(self, bot: UUID) -> None:
        """Somebody removes its container by hand."""
        for container_id in self.scene.ids(bot):
            del self.scene.engine.containers_by_id[container_id]

    @rule(bot=bots)
    def double(self, bot: UUID) -> None:
        """Somebody makes a second one with our label."""
        for one in self.scene.engine.of(bot)[:1]:
            second = replace(one, container_id=uuid4().hex, generation=0)
            self.scene.engine.put(second)

    @rule(bot=bots)
    def stray(self, bot: UUID) -> None:
        """A container with our label of a bot that nobody knows."""
        for one in self.scene.engine.of(bot)[:1]:
            orphan = replace(one, container_id=uuid4().hex, bot_id=uuid4())
            self.scene.engine.put(orphan)
            self.strays.add(orphan.container_id)

    @rule(bot=bots)
    def lose_token(self, bot: UUID) -> None:
        self.scene.workspaces.tokens.pop(bot, None)

    @rule(seconds=st.sampled_from([0.5, 2, 15, 60, 130, 300]))
    def wait(self, seconds: float) -> None:
        self.scene.later(seconds)

    @rule()
    def project(self) -> None:
        self.scene.project()

    @rule(passes=st.integers(1, 6), lags=st.booleans())
    def make_passes(self, passes: int, *, lags: bool) -> None:
        for _ in range(passes):
            if not lags:
                self.scene.project()
            self._work(self.scene.make_pass)

    @rule(bot=bots)
    def look_after(self, bot: UUID) -> None:
        self._work(lambda: self.scene.look_after(bot))

    @rule(bot=bots, passes=st.integers(1, 3))
    def look_late(self, bot: UUID, passes: int) -> None:
        """A worker that was frozen acts on what it saw before another one did."""
        try:
            look = self.scene.worker.look_at([bot])
        except EngineUnavailable:
            return
        self.make_passes(passes, lags=False)
        self._work(lambda: self.scene.look_after(bot, look))

    @invariant()
    def strays_are_never_touched(self) -> None:
        assert self.strays <= set(self.scene.engine.containers_by_id)

    def _ask(self, bot: UUID, decide: Any) -> None:
        if self.scene.bot(bot).deleted:
            return
        try:
            self.scene.ask(bot, decide)
        except Refused:
            return

    def _work(self, act: Any) -> None:
        try:
            act()
        except EngineUnavailable:
            self.scene.worker.lose_sight()
        except WorkerDied:
            self.scene.worker = self.scene.new_worker()

    def teardown(self) -> None:
        scene, engine = self.scene, self.scene.engine
        engine.come_back()
        engine.faults.clear()
        engine.refuses.clear()
        engine.health = None
        for one in list(engine.containers_by_id.values()):
            if one.health is not None:
                engine.put(replace(one, health=Health.HEALTHY))
        scene.settle()
        scene.later(300)  # the longest pause
        scene.settle()
        for bot_id in self.ever:
            self._is_as_wanted(bot_id)
        assert self.strays <= set(engine.containers_by_id)
        calls, head = engine.calls, scene.log.head()
        scene.make_pass()
        assert (engine.calls, scene.log.head()) == (calls, head)

    def _is_as_wanted(self, bot_id: UUID) -> None:
        scene, bot = self.scene, self.scene.bot(bot_id)
        containers = scene.engine.of(bot_id)
        if bot.deleted:
            assert containers == []
            assert scene.workspaces.held_token(bot_id) is None
            return
        assert len(containers) <= 1
        runs = bool(containers) and containers[0].state is ContainerState.RUNNING
        row = scene.row(bot_id)
        if bot.quarantined:
            assert all(one.network is NetworkPolicy.CUT for one in containers)
        elif bot.desired is DesiredState.STOPPED:
            assert not runs
            assert row.status in {BotStatus.CREATED, BotStatus.STOPPED}
        else:
            (container,) = containers
            assert runs
            assert (container.generation, container.image) == (bot.generation, bot.image)
            assert container.network is bot.network
            assert row.status is BotStatus.RUNNING
            held = scene.workspaces.held_token(bot_id)
            assert held is not None
            assert hash_of(held.token) == bot.container_token
        assert (row.seen.state is ContainerState.RUNNING) == runs


TestFleet = Fleet.TestCase
EXAMPLES = 2000 if os.environ.get("CLAWBOT_SOAK") else 25
TestFleet.settings = settings(max_examples=EXAMPLES, stateful_step_count=50, deadline=None)
