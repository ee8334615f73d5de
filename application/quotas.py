"""Commands about quotas, each with its handler below it.

The limit that admission goes by is a row written in the unit of work of its event: from the
moment of the commit every proxy decides on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Protocol
from uuid import UUID

from application.bus import Command
from application.event_log import EventLog, Stream
from domain.bots import Bot
from domain.claims import Claim, ClaimEvent, quota_claim
from domain.errors import InvalidFields, NotFound, PreconditionFailed
from domain.ids import QuotaId, TeamId, UserId
from domain.keys import ProviderKey
from domain.quota_windows import QuotaUse, QuotaWindow, quota_window_id
from domain.quotas import (
    Mode,
    Quota,
    QuotaEdited,
    QuotaEvent,
    QuotaIsSetAlready,
    QuotaSet,
    Scope,
    ScopeKind,
    TooManyQuotas,
)
from domain.teams import Team

MOST_QUOTAS = 500  # of a team


class QuotaTable(Protocol):
    """The limits in force, as admission reads them; written in the unit of work."""

    def put(self, quota_id: UUID, quota: Quota) -> None:
        """The quota is in force as it stands; `InvalidFields`: its zone is not known."""

    def remove(self, quota_id: UUID) -> None:
        """The quota is in force no more; its balances stay."""

    def count(self, team_id: UUID) -> int:
        """How many of the team are in force; nobody else adds one in this unit of work."""


def quota_of_team(event_log: EventLog, team_id: TeamId, quota_id: UUID) -> Stream[Quota]:
    """The team's quota as it stands; another team's, or a removed one, is not there."""
    quota = event_log.read(Quota(), quota_id)
    definition = quota.state.definition
    if definition is None or definition.team_id != team_id or quota.state.removed:
        raise NotFound
    return quota


@dataclass(frozen=True, kw_only=True)
class SetQuota(Command[int]):
    """Answers the position reached."""

    quota_id: QuotaId
    quota: QuotaSet


def set_quota(command: SetQuota, *, event_log: EventLog, table: QuotaTable) -> int:
    """Several quotas may apply to one call, but no two may be told by one name."""
    asked = command.quota
    quota = event_log.begin(Quota(), command.quota_id)
    events = quota.state.set(asked)
    if not _is_of_team(event_log, asked.team_id, asked.scope):
        raise InvalidFields(**{"scope.id": "not-found"})
    claim = event_log.look(Claim(), _claim_of(asked, asked.mode))
    if claim.state.holder is not None:
        raise QuotaIsSetAlready
    if table.count(asked.team_id) >= MOST_QUOTAS:
        raise TooManyQuotas
    table.put(command.quota_id, _after(quota.state, events))
    taken = claim.state.take(command.quota_id)
    return event_log.append_all((claim, taken), (quota, events))


def _is_of_team(event_log: EventLog, team_id: TeamId, scope: Scope) -> bool:
    if scope.kind is ScopeKind.MODEL:
        return True
    scope_id = UUID(scope.id)
    match scope.kind:
        case ScopeKind.TEAM:
            return scope_id == team_id
        case ScopeKind.MEMBER:
            team = event_log.look(Team(), team_id).state
            return UserId(scope_id) in team.members
        case ScopeKind.BOT:
            bot = event_log.look(Bot(), scope_id).state
            return bot.team_id == team_id and not bot.deleted
        case ScopeKind.PROVIDER_KEY:
            key = event_log.look(ProviderKey(), scope_id).state
            return key.team_id == team_id and not key.removed


def _claim_of(quota: QuotaSet, mode: Mode) -> UUID:
    """A blocking quota's claim leaves the mode out, as all did before it was told by it."""
    return quota_claim(
        quota.team_id,
        quota.scope.kind,
        quota.scope.id,
        quota.metric,
        quota.window,
        quota.time_zone,
        *(() if mode is Mode.BLOCK else (mode,)),
    )


def _claims_to_hold(
    event_log: EventLog, quota: Stream[Quota], mode: Mode | None
) -> list[tuple[Stream[Claim], list[ClaimEvent]]]:
    """What lets the quota hold the claim of this mode and no other; None: none at all."""
    assert quota.state.definition is not None, "it was set"
    changes = []
    for one in Mode:
        claim = event_log.look(Claim(), _claim_of(quota.state.definition, one))
        if one is mode:
            if claim.state.holder not in {None, quota.id}:
                raise QuotaIsSetAlready
            changes.append((claim, claim.state.take(quota.id)))
        elif claim.state.holder == quota.id:
            changes.append((claim, claim.state.release()))
    return changes


def _after(quota: Quota, events: list[QuotaEvent]) -> Quota:
    return reduce(lambda state, event: state.evolve(event), events, quota)


@dataclass(frozen=True, kw_only=True)
class Raise:
    """So much more, until that time; 0 ends a raise."""

    by: int
    until: datetime


@dataclass(frozen=True, kw_only=True)
class EditQuota(Command[int]):
    """All of it, or nothing. None leaves a thing as it is; `warn` tells None from none."""

    quota_id: QuotaId
    team_id: TeamId
    limit: int | None
    warn: bool  # whether `warn_at_permille` is asked for
    warn_at_permille: int | None
    mode: Mode | None
    raised: Raise | None
    expected_version: int | None
    now: datetime


def edit_quota(command: EditQuota, *, event_log: EventLog, table: QuotaTable) -> int:
    """Another mode takes another claim; `QuotaIsSetAlready` where another quota has it."""
    quota = quota_of_team(event_log, command.team_id, command.quota_id)
    _expect(quota, command.expected_version)
    now = quota.state
    warn_at = command.warn_at_permille if command.warn else now.warn_at_permille
    events = now.edit(
        QuotaEdited(
            limit=now.limit if command.limit is None else command.limit,
            warn_at_permille=warn_at,
            mode=command.mode or now.mode,
        )
    )
    if command.raised is not None:
        by, until = command.raised.by, command.raised.until
        events += _after(now, events).raise_limit(by, until, now=command.now)
    after = _after(now, events)
    moved = []
    if after.mode is not now.mode:
        moved = _claims_to_hold(event_log, quota, after.mode)
    if events:
        table.put(command.quota_id, after)
    return event_log.append_all((quota, events), *moved)


@dataclass(frozen=True, kw_only=True)
class RemoveQuota(Command[int]):
    quota_id: QuotaId
    team_id: TeamId
    expected_version: int | None


def remove_quota(command: RemoveQuota, *, event_log: EventLog, table: QuotaTable) -> int:
    """Another one of just that kind may be set again, and counts anew."""
    quota = quota_of_team(event_log, command.team_id, command.quota_id)
    _expect(quota, command.expected_version)
    table.remove(command.quota_id)
    return event_log.append_all(
        (quota, quota.state.remove()), *_claims_to_hold(event_log, quota, None)
    )


def _expect(quota: Stream[Quota], version: int | None) -> None:
    if version is not None and version != quota.version:
        raise PreconditionFailed


@dataclass(frozen=True, kw_only=True)
class NoteQuotaUse(Command[int]):
    """Says that a quota nears its end, or is at it, once; harmless to give again."""

    use: QuotaUse


def note_quota_use(command: NoteQuotaUse, *, event_log: EventLog) -> int:
    use = command.use
    stream_id = quota_window_id(use.quota_id, use.window_start)
    window = event_log.look(QuotaWindow(), stream_id)
    return event_log.append(window, window.state.note(use))
