"""`/api/quota`: how much the team, or a part of it, may use within a window of time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from uuid_utils.compat import uuid7

from api.callers import TheUser
from api.lists_then import QuotasThen, quotas_then
from api.paging import TheCursors
from api.past import Past, ThePast, history_then
from api.past_views import begun
from api.positions import (
    FLEET_ONLY,
    ExpectedVersion,
    reached,
    read_after,
    read_at,
    tag_version,
)
from api.quota_shapes import (
    BalanceOut,
    NewQuota,
    QuotaChange,
    QuotaOut,
    QuotasQuery,
    balance_shown,
    limit_of,
    quota_shown,
    raise_of,
    refuse_fixed,
    scope_of,
    share_per_mille,
)
from api.shapes import Page
from api.wired import TheSystem, Wired
from application.balances import QuotaBalance, balance_at
from application.quotas import EditQuota, RemoveQuota, SetQuota
from domain.calls_months import MonthIsOut
from domain.errors import NotFound
from domain.ids import QuotaId, TeamId
from domain.log import CALLS, FLEET
from domain.quotas import QuotaSet
from domain.windows import window_of
from projections.quota_list import QuotaListProjector, QuotaRow
from projections.view import row_of

router = APIRouter(prefix="/api/quota", tags=["quotas"])

AFTER = Depends(read_after(lambda system: system.quota_list, FLEET))


@router.get("", dependencies=[AFTER])
def of_team(  # noqa: PLR0913, PLR0917 - what the framework hands in
    query: Annotated[QuotasQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    then: QuotasThen,
    response: Response,
) -> Page[QuotaOut]:
    """The team's quotas, oldest first; of one kind of scope, or of one scope.

    `at` a time or a position, as they were.
    """
    after = cursors.read(query.cursor, UUID) if query.cursor else None
    view, limit = system.quota_list, query.limit + 1
    if then is None:
        now = datetime.now(UTC)
        rows = read_at(
            response,
            view,
            FLEET_ONLY,
            lambda: view.of_team(
                user.team_id,
                scope_kind=query.scope_kind,
                scope_id=query.scope_id,
                after=after,
                limit=limit,
            ),
        )
    else:
        now = then.time
        rows = [
            row
            for row in quotas_then(system, user.team_id, then)
            if query.scope_kind in {None, row.scope_kind}
            and query.scope_id in {None, row.scope_id}
            and (after is None or row.quota_id > after)
        ][:limit]
    shown, cursor = cursors.page(rows, query.limit, lambda row: [str(row.quota_id)])
    return Page(items=[quota_shown(row, now) for row in shown], next_cursor=cursor)


@router.post("", status_code=201)
def create(new: NewQuota, user: TheUser, system: TheSystem, response: Response) -> QuotaOut:
    """Set a quota, in force in every proxy with the answer."""
    quota_id = QuotaId(uuid7())
    quota = QuotaSet(
        team_id=user.team_id,
        scope=scope_of(new.scope, user.team_id),
        metric=new.metric,
        window=new.window,
        limit=new.limit,
        time_zone=new.time_zone,
        warn_at_permille=share_per_mille(new.warn_at),
        mode=new.mode,
    )
    command = SetQuota(quota_id=quota_id, quota=quota)
    position = system.bus.handle(command, by=user.caller)
    return _shown(system, user.team_id, quota_id, response, position)


@router.get("/{quota_id}")
def one(
    quota_id: UUID, past: ThePast, user: TheUser, system: TheSystem, response: Response
) -> QuotaOut:
    """The quota as it stands, or as it stood `at` a time or a position."""
    if past is None:
        return _shown(system, user.team_id, quota_id, response, system.fleet.head())
    row = _row(system, user.team_id, quota_id, past)
    tag_version(response, row.version)
    return quota_shown(row, past.time)


@router.patch("/{quota_id}")
def edit(  # noqa: PLR0913, PLR0917 - what the framework hands in
    quota_id: UUID,
    change: QuotaChange,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> QuotaOut:
    """Change what is allowed; what was used of the window stays used."""
    refuse_fixed(change)
    now = datetime.now(UTC)
    command = EditQuota(
        quota_id=QuotaId(quota_id),
        team_id=user.team_id,
        limit=change.limit,
        warn="warn_at" in change.model_fields_set,
        warn_at_permille=share_per_mille(change.warn_at),
        mode=change.mode,
        raised=raise_of(change, now),
        expected_version=expected,
        now=now,
    )
    position = system.bus.handle(command, by=user.caller)
    return _shown(system, user.team_id, quota_id, response, position)


@router.delete("/{quota_id}", status_code=204)
def remove(
    quota_id: UUID,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> None:
    """Count no more; what was counted stays in the log."""
    command = RemoveQuota(
        quota_id=QuotaId(quota_id), team_id=user.team_id, expected_version=expected
    )
    reached(response, system.bus.handle(command, by=user.caller))


@router.get("/{quota_id}/balance")
def balance(
    quota_id: UUID, past: ThePast, user: TheUser, system: TheSystem, response: Response
) -> BalanceOut:
    """What is used and held of the present window, or of the one `at` a time or position.

    The present one is read where admission decides; a past one is folded from the calls:
    409 `month-is-out` if some are in the log no more.
    """
    if past is None:
        seen = system.quota_balances.now(user.team_id, quota_id)
        if seen is None:
            raise NotFound
        response.headers["X-Log-Position"] = f"{FLEET}={seen.fleet},{CALLS}={seen.calls}"
        return balance_shown(seen.balance)
    row = _row(system, user.team_id, quota_id, past)
    start, end = window_of(row.window, row.time_zone, past.time)
    if any(start < one.end for one in begun(system.call_log.months_out(), past)):
        raise MonthIsOut
    then = balance_at(
        system.calls,
        system.quota_balances,
        (quota_id, start),
        at=past.time,
        position=past.of(CALLS),
    )
    return balance_shown(
        QuotaBalance(
            quota_id=quota_id,
            team_id=row.team_id,
            limit=limit_of(row, past.time),
            warn_at_permille=row.warn_at_permille,
            window_start=start,
            window_end=end,
            settled=then.settled,
            held=then.held,
        )
    )


def _row(
    system: Wired, team_id: TeamId, quota_id: UUID, past: Past | None = None
) -> QuotaRow:
    """Folded from its stream, so that it is never behind; another team's is not there."""
    history = history_then(system.fleet, quota_id, past)
    row = row_of(QuotaListProjector(), FLEET, history)
    if row is None or row.team_id != team_id:
        raise NotFound
    return row


def _shown(
    system: Wired, team_id: TeamId, quota_id: UUID, response: Response, position: int
) -> QuotaOut:
    row = _row(system, team_id, quota_id)
    reached(response, position)
    tag_version(response, row.version)
    return quota_shown(row, datetime.now(UTC))
