"""Reconciling: from what people want of a bot's container and what an engine shows of it,
what is to be done next.

Pure, and asked again after everything that was done: a plan is good for one look. What it
notes is recorded before its steps are taken, so that a worker that dies in between leaves
a bot that is looked after as well as before; at worst a crash is counted twice.

Where an engine changes a container in its place and goes back from what does not come up,
the older generation runs on, and the newer one is not tried again: the next change is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypedDict

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
)
from domain.containers import Change, ContainerState, Health, NetworkPolicy, SeenContainer
from domain.runs import NOT_SEEN, ROLLED_BACK, Observation

LONGEST_PAUSE = timedelta(seconds=300)
WELL_AFTER = timedelta(minutes=1)  # of health: earlier failures are forgotten
START_PATIENCE = timedelta(minutes=2)
CHANGE_PATIENCE = START_PATIENCE + timedelta(seconds=30)  # the old one may end first
CHANGE_PAUSE = timedelta(seconds=3)  # an engine does not tell how far it is by itself

STUCK = "name-taken"  # the engine's own record of it is in the way

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class _Failure(TypedDict):
    failure: str | None
    detail: str


def decide(
    wanted: Wanted,
    seen: Sequence[SeenContainer],
    last: Observation,
    now: datetime,
    *,
    forgiven: bool = False,
) -> Plan:
    """The next steps for one bot.

    `seen` is all that the engine shows of the bot, `last` what was noted last. `forgiven`:
    the engine itself was away meanwhile, so that a container that ended did not crash.
    """
    kept, spare = _one_of(seen, wanted)
    removals = tuple(Remove(container_id=one.container_id) for one in spare)
    was_away = forgiven or last.state is ContainerState.UNKNOWN
    plan = _Look(wanted=wanted, last=last, now=now, forgiven=was_away).of(kept)
    return replace(plan, steps=(*removals, *plan.steps))


def unseen(last: Observation) -> Observation:
    """What is known of a bot while its engine does not answer."""
    return replace(last, state=ContainerState.UNKNOWN, health=None)


def failed(tried: Observation, code: str, detail: str, now: datetime) -> Observation:
    """One failure more, and the pause after it: 1, 2, 4 … 300 seconds."""
    failures = tried.failures + 1
    return replace(
        tried,
        failure=code,
        detail=detail,
        failures=failures,
        retry_at=now + pause_after(failures),
    )


def pause_after(failures: int) -> timedelta:
    """How long nothing is tried after so many failures in a row."""
    return min(timedelta(seconds=2 ** min(failures - 1, 9)), LONGEST_PAUSE)


def _one_of(
    seen: Sequence[SeenContainer], wanted: Wanted
) -> tuple[SeenContainer | None, list[SeenContainer]]:
    """The container that stays, if any, and those that must not be there."""
    if not wanted.exists:
        return None, list(seen)
    best = sorted(
        seen,
        key=lambda one: (
            one.generation == wanted.spec.generation,
            one.state is ContainerState.RUNNING,
            one.generation,
            one.created_at or LONG_AGO,
            one.container_id,
        ),
    )
    return (best[-1], best[:-1]) if best else (None, [])


@dataclass(frozen=True, kw_only=True)
class _Look:
    """One look at a bot of which at most one container is left."""

    wanted: Wanted
    last: Observation
    now: datetime
    forgiven: bool

    def of(self, kept: SeenContainer | None) -> Plan:
        if not self.wanted.exists:
            return Plan(note=NOT_SEEN)
        note = self._note(kept)
        if kept is None:
            return self._tried(note, *self._anew())
        network = _network(self.wanted, kept)
        if not self.wanted.runs:
            return Plan(note=note, steps=(*network, *_stop(kept)))
        if not self.wanted.may_start or kept.state is ContainerState.UNKNOWN:
            return Plan(note=note, steps=network)
        if self._is_changing(kept):
            plan = self._of_changing(kept, note)
        elif kept.generation == self.wanted.spec.generation or note.given_up:
            plan = self._of_current(kept, note)
        else:
            return self._tried(note, *self._instead_of(kept))
        return replace(plan, steps=(*network, *plan.steps))

    def _instead_of(self, kept: SeenContainer) -> tuple[Step, ...]:
        """What runs is changed in its place, if the engine can; all else is made anew."""
        if kept.is_changed_in_place and _is_up(kept):
            return (Update(container_id=kept.container_id, spec=self.wanted.spec),)
        return (*_stop(kept), Remove(container_id=kept.container_id), *self._anew())

    def _is_changing(self, kept: SeenContainer) -> bool:
        if kept.change is Change.GOING_BACK:
            return self._since(kept.changed_at) < CHANGE_PATIENCE
        return kept.change is Change.UNDER_WAY

    def _of_changing(self, kept: SeenContainer, note: Observation) -> Plan:
        """The engine is left alone with it, unless that takes too long."""
        came_up = kept.generation == kept.changed_to and _is_up(kept) and _is_well(kept)
        is_late = self._since(kept.changed_at) >= CHANGE_PATIENCE
        if kept.change is Change.UNDER_WAY and is_late and not came_up:
            return self._tried(note, GoBack(container_id=kept.container_id))
        return Plan(note=note, look_at=self.now + CHANGE_PAUSE)

    def _note(self, kept: SeenContainer | None) -> Observation:
        """What is seen now, with what is still true of earlier attempts."""
        last, seen = self.last, NOT_SEEN
        if kept is not None:
            same = last.container_id == kept.container_id or last.tried == kept.generation
            seen = Observation(
                state=kept.state,
                generation=kept.generation,
                health=kept.health,
                container_id=kept.container_id,
                address=kept.address,
                exit_code=kept.exit_code,
                revision=last.revision if same else None,
                given_up=self._given_up(kept),
            )
        if not self.wanted.runs or last.tried != self.wanted.spec.generation:
            return seen
        return replace(
            seen,
            tried=last.tried,
            tried_at=last.tried_at,
            failure=last.failure,
            detail=last.detail,
            failures=last.failures,
            retry_at=last.retry_at,
        )

    def _given_up(self, kept: SeenContainer) -> int:
        """The wanted generation, if it did not come up and an older one is there again."""
        wanted = self.wanted.spec.generation
        went_back = kept.change is Change.WENT_BACK and kept.changed_to == wanted
        is_given_up = went_back or self.last.given_up == wanted
        return wanted if is_given_up and kept.generation != wanted else 0

    def _anew(self) -> tuple[Step, ...]:
        return (Create(spec=self.wanted.spec), Start(container_id=None))

    def _tried(self, note: Observation, *steps: Step) -> Plan:
        """The steps, unless they failed before and it is too early to try again."""
        if not self.wanted.may_start:
            return Plan(note=note)
        if note.retry_at is not None and note.retry_at > self.now:
            return Plan(note=note, look_at=note.retry_at)
        tried = self.wanted.spec.generation
        goes_on = self.last.state is ContainerState.CREATED and note.retry_at is None
        began = (note.tried_at if goes_on else None) or self.now
        trying = replace(note, tried=tried, tried_at=began, retry_at=None)
        return Plan(note=trying, steps=steps)

    def _of_current(self, kept: SeenContainer, note: Observation) -> Plan:
        """The container is the one that is wanted, and should run."""
        start = Start(container_id=kept.container_id)
        tried = self.wanted.spec.generation
        never_ran = kept.state is ContainerState.CREATED or note.failure == STUCK
        if note.retry_at is not None and never_ran and not _is_up(kept):
            # What an engine could not start once it may never start: Docker 20.10 that was
            # killed in the middle says of it "already exists" for good.
            remove = Remove(container_id=kept.container_id)
            return self._tried(note, remove, *self._anew())
        match kept.state:
            case ContainerState.RUNNING:
                return self._of_running(kept, replace(note, tried=tried))
            case ContainerState.CREATED:
                late = self._since(note.tried_at) >= START_PATIENCE
                if late and note.retry_at is None:
                    return self._failed(note, "start-timeout", kept)
                return self._tried(note, start)
            case _:
                if note.retry_at is not None or self.forgiven:
                    return self._tried(note, start)
                return self._failed(replace(note, tried=tried), _why(kept), kept)

    def _of_running(self, kept: SeenContainer, note: Observation) -> Plan:
        runs_for = self._since(kept.started_at)
        code = None
        if kept.health is Health.UNHEALTHY:
            code = "unhealthy"
        elif kept.health is Health.STARTING and runs_for >= START_PATIENCE:
            code = "start-timeout"
        if code is not None:
            stop = Stop(container_id=kept.container_id)
            if note.failure == code and note.retry_at is not None:
                return Plan(note=note, steps=(stop,))  # counted before, and not yet stopped
            return self._failed(note, code, kept, stop)
        note = replace(note, **_of_update(kept, note), retry_at=None)
        if kept.health is Health.STARTING or not note.failures:
            return Plan(note=note)
        if runs_for >= WELL_AFTER:
            return Plan(note=replace(note, failures=0))
        return Plan(note=note, look_at=self.now + WELL_AFTER - runs_for)

    def _failed(
        self, note: Observation, code: str, kept: SeenContainer, *steps: Step
    ) -> Plan:
        note = failed(note, code, kept.error, self.now)
        return Plan(note=note, steps=steps, look_at=note.retry_at)

    def _since(self, then: datetime | None) -> timedelta:
        return timedelta() if then is None else self.now - then


def _network(wanted: Wanted, kept: SeenContainer) -> tuple[Step, ...]:
    """Cut, given back, or set right; another class comes with another generation."""
    other = kept.generation != wanted.spec.generation
    cut = NetworkPolicy.CUT in {kept.network, wanted.spec.network}
    if kept.network is wanted.spec.network or (other and not cut):
        return ()
    return (SetNetwork(container_id=kept.container_id, network=wanted.spec.network),)


def _stop(kept: SeenContainer) -> tuple[Step, ...]:
    if kept.state is ContainerState.RUNNING:
        return (Stop(container_id=kept.container_id),)
    return ()


def _is_up(kept: SeenContainer) -> bool:
    return kept.state is ContainerState.RUNNING


def _is_well(kept: SeenContainer) -> bool:
    return kept.health not in {Health.STARTING, Health.UNHEALTHY}


def _of_update(kept: SeenContainer, note: Observation) -> _Failure:
    """What is wrong with a bot that runs: at most, that it is an older one than wanted."""
    if not note.given_up:
        return {"failure": None, "detail": ""}
    known = note.detail if note.failure == ROLLED_BACK else ""
    return {"failure": ROLLED_BACK, "detail": kept.error or known}


def _why(kept: SeenContainer) -> str:
    if kept.out_of_memory:
        return "out-of-memory"
    return "exited" if kept.exit_code == 0 else "crashed"
