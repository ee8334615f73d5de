"""Makes the containers of one engine what people want of them, one look at a time.

A look asks the engine once for all containers; then every bot that needs it is looked after
by itself: under its lock, from its own streams, which are never behind. What has been done
is seen by the next look. Nothing here waits: the loop that looks again is in
`adapters/reconciler/`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Protocol, assert_never
from uuid import UUID

from application.bus import Bus
from application.container_tokens import ContainerTokens
from application.engines import CannotRun, Engine
from application.event_log import Caller, EventLog
from application.runs import LoseSight, RecordRun
from application.workspaces import CannotPrepare, Readers, Workspaces
from domain.bots import Bot
from domain.container_plans import (
    Create,
    GoBack,
    Plan,
    Remove,
    SetNetwork,
    Start,
    Step,
    Stop,
    Update,
    Wanted,
    wanted_of,
)
from domain.containers import ContainerState, Health, SeenContainer
from domain.errors import NotFound
from domain.reconciling import decide, failed
from domain.runs import NOT_SEEN, Observation, Run, run_of

ACTOR = "system:worker"
BUSY_PAUSE = timedelta(seconds=1)  # another worker has the bot in hand
READING_PAUSE = timedelta(seconds=5)  # for a bot to read what was written
TENDED_AT_ONCE = 50  # bots whose folders are compared in each pass
UNSEEN_AT_ONCE = 100  # bots in one transaction

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Enrolled:
    """A bot as the directory shows it: perhaps a little behind its streams."""

    bot_id: UUID
    wanted: Wanted
    last: Observation


class Roll(Protocol):
    """Every bot of one runtime, of all teams."""

    def bots(self) -> Sequence[Enrolled]:
        """As they stand in the directory."""


class BotLocks(Protocol):
    """At most one worker has a bot in hand, wherever it runs."""

    def holding(self, bot_id: UUID) -> AbstractContextManager[bool]:
        """Whether the bot is ours until the end of the block. `Unavailable`."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the engine showed at one moment, and what was on record before that."""

    seen: Mapping[UUID, Sequence[SeenContainer]]
    known: Mapping[UUID, Observation]
    forgiven: bool = False  # the engine was away since the look before

    def of(self, bot_id: UUID) -> Sequence[SeenContainer]:
        return self.seen.get(bot_id, ())


class Reconciler:
    """Looks after the bots of one engine."""

    def __init__(  # noqa: PLR0913 - all that a bot's container depends on
        self,
        *,
        engine: Engine,
        workspaces: Workspaces,
        readers: Readers,
        tokens: ContainerTokens,
        roll: Roll,
        locks: BotLocks,
        event_log: EventLog,
        bus: Bus,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._workspaces = workspaces
        self._readers = readers
        self._tokens = tokens
        self._roll = roll
        self._locks = locks
        self._event_log = event_log
        self._bus = bus
        self._clock = clock
        self._tended = 0

    @property
    def runtime(self) -> str:
        """Of the bots that it looks after."""
        return self._engine.name

    def look_at_all(self, *, forgiven: bool = False) -> tuple[Look, list[UUID]]:
        """One look, and the bots that need a hand; `EngineUnavailable`.

        Some that need none are among them, so that folders that somebody changed are found.
        """
        bots = self._roll.bots()
        known = {one.bot_id: one.last for one in bots}
        look = Look(seen=self._seen(), known=known, forgiven=forgiven)
        now = self._clock()
        due = [one.bot_id for one in bots if _is_due(one, look, now)]
        left = {*look.seen, *self._workspaces.with_secrets()}
        unknown = sorted(bot_id for bot_id in left if bot_id not in known)
        return look, [*dict.fromkeys([*due, *unknown, *self._next_tended(bots)])]

    def look_at(self, bot_ids: Sequence[UUID], *, forgiven: bool = False) -> Look:
        """One look for the sake of these bots; `EngineUnavailable`."""
        of_run = {run_of(bot_id): bot_id for bot_id in bot_ids}
        known = dict.fromkeys(bot_ids, NOT_SEEN)
        for run in self._event_log.read_all(Run(), list(of_run)):
            known[of_run[run.id]] = run.state.last
        return Look(seen=self._seen(), known=known, forgiven=forgiven)

    def look_after(self, bot_id: UUID, look: Look) -> datetime | None:
        """The next steps for one bot are taken; when it should be looked at again.

        `EngineUnavailable`, `Unavailable`; what the engine refuses is on record.
        """
        with self._locks.holding(bot_id) as is_ours:
            if not is_ours:
                return self._clock() + BUSY_PAUSE
            bot = self._event_log.look(Bot(), bot_id)
            if bot.version == 0 or bot.state.runtime.value != self.runtime:
                return None  # nobody's container, or one that moved: see `orphans.py`
            run = self._event_log.look(Run(), run_of(bot_id)).state.last
            now = self._clock()
            if look.known.get(bot_id, run) != run:
                return now  # somebody else acted since we looked
            return self._carry_out(bot_id, bot.state, look, run, now)

    def lose_sight(self) -> int:
        """The engine does not answer: its bots are `unknown`; how many were not before."""
        lost = [one for one in self._roll.bots() if _can_be_lost(one)]
        lost.sort(key=lambda one: one.wanted.spec.team_id)
        for team_id, of_team in groupby(lost, key=lambda one: one.wanted.spec.team_id):
            bot_ids = [one.bot_id for one in of_team]
            for first in range(0, len(bot_ids), UNSEEN_AT_ONCE):
                some = tuple(bot_ids[first : first + UNSEEN_AT_ONCE])
                self._bus.handle(LoseSight(bot_ids=some), by=_caller(team_id))
        return len(lost)

    def _seen(self) -> Mapping[UUID, Sequence[SeenContainer]]:
        seen: dict[UUID, list[SeenContainer]] = {}
        for container in self._engine.containers():
            seen.setdefault(container.bot_id, []).append(container)
        return seen

    def _next_tended(self, bots: Sequence[Enrolled]) -> list[UUID]:
        running = [one.bot_id for one in bots if one.wanted.may_start]
        first = self._tended if self._tended < len(running) else 0
        self._tended = first + TENDED_AT_ONCE
        return running[first : self._tended]

    def _carry_out(
        self, bot_id: UUID, bot: Bot, look: Look, run: Observation, now: datetime
    ) -> datetime | None:
        wanted = wanted_of(bot_id, bot)
        plan = decide(wanted, look.of(bot_id), run, now, forgiven=look.forgiven)
        caller = _caller(bot.team_id)
        try:
            if wanted.may_start:
                plan = self._prepared(bot_id, bot, plan, caller, now)
            elif not wanted.exists:
                self._workspaces.withdraw(bot_id)
            if plan.note != run:
                self._record(bot_id, plan.note, caller)
            self._take(bot_id, plan.steps)
        except NotFound:
            return now  # it went before we could act: what is there now is seen next
        except (CannotRun, CannotPrepare) as error:
            note = failed(plan.note, error.code, error.detail, now)
            self._record(bot_id, note, caller)
            log.warning("bot.cannot_run", extra={"bot_id": bot_id, "failure": error.code})
            return now  # what it came to, half done or not, is seen next
        return now if plan.steps else plan.look_at

    def _prepared(
        self, bot_id: UUID, bot: Bot, plan: Plan, caller: Caller, now: datetime
    ) -> Plan:
        """Folders and token are in order for what starts; for what runs, if they can be.

        `CannotPrepare`: it cannot start.
        """
        starts = any(isinstance(step, Create | Start | Update) for step in plan.steps)
        if not starts and plan.note.state is not ContainerState.RUNNING:
            return plan
        token = self._tokens.current(bot_id, bot, caller, now)
        try:
            revision = self._workspaces.prepare(bot_id, bot, token)
        except CannotPrepare as error:
            if starts:
                raise
            log.warning("bot.out_of_step", extra={"bot_id": bot_id, "failure": error.code})
            return plan
        if starts:
            return replace(plan, note=replace(plan.note, revision=revision))
        return self._told(bot_id, bot, plan, revision, now)

    def _told(
        self, bot_id: UUID, bot: Bot, plan: Plan, revision: str, now: datetime
    ) -> Plan:
        """What runs says which revision it has read; one that is behind is asked again."""
        note = plan.note
        is_up = note.health not in {Health.STARTING, Health.UNHEALTHY}
        if note.revision == revision or note.address is None or not is_up:
            return plan
        read = self._readers.revision_of(bot_id, bot, note.address, revision)
        look_at = plan.look_at if read == revision else now + READING_PAUSE
        return replace(
            plan, note=replace(note, revision=read or note.revision), look_at=look_at
        )

    def _record(self, bot_id: UUID, note: Observation, caller: Caller) -> None:
        self._bus.handle(RecordRun(bot_id=bot_id, observation=note), by=caller)

    def _take(self, bot_id: UUID, steps: Sequence[Step]) -> None:
        created: str | None = None
        for step in steps:
            log.info(
                "bot.step", extra={"bot_id": bot_id, "step": type(step).__name__.lower()}
            )
            match step:
                case Create(spec=spec):
                    created = self._engine.create(spec)
                case Start(container_id=container_id):
                    self._engine.start(container_id or created or "")
                case Stop(container_id=container_id, within_seconds=seconds):
                    self._engine.stop(container_id, within_seconds=seconds)
                case Remove(container_id=container_id):
                    self._engine.remove(container_id)
                case Update(container_id=container_id, spec=spec):
                    self._engine.update(container_id, spec)
                case GoBack(container_id=container_id):
                    self._engine.go_back(container_id)
                case SetNetwork(container_id=container_id, network=network):
                    self._engine.set_network(container_id, network)
                case _:
                    assert_never(step)


def _is_due(one: Enrolled, look: Look, now: datetime) -> bool:
    plan = decide(one.wanted, look.of(one.bot_id), one.last, now, forgiven=look.forgiven)
    return bool(plan.steps) or plan.note != one.last


def _can_be_lost(one: Enrolled) -> bool:
    """Of what was never made, nothing can have changed unseen."""
    never_made = one.last == NOT_SEEN and not one.wanted.runs
    return one.last.state is not ContainerState.UNKNOWN and not never_made


def _caller(team_id: UUID | None) -> Caller:
    return Caller(actor=ACTOR, team_id=team_id)
