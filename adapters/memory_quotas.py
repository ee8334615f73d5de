"""Quotas played in memory: limits in a dictionary, balances folded from the calls log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from uuid import UUID

from adapters.memory import MemoryView
from application.balances import QuotaBalance, SeenBalance, fold
from application.event_log import EventLog
from domain.holds import Balance, Balances, WindowId
from domain.log import Placed
from domain.quotas import Quota, ScopeKind
from domain.windows import window_of
from projections.quota_list import QuotaList, QuotaRow


class MemoryQuotaTable:
    """Plays `QuotaTable`."""

    def __init__(self) -> None:
        self.quotas: dict[UUID, Quota] = {}

    def put(self, quota_id: UUID, quota: Quota) -> None:
        self.quotas[quota_id] = quota

    def remove(self, quota_id: UUID) -> None:
        del self.quotas[quota_id]

    def count(self, team_id: UUID) -> int:
        return sum(_team_of(quota) == team_id for quota in self.quotas.values())


class MemoryQuotaBalances:
    """Plays `QuotaBalances` and `BalanceTable`; `by_window` is what the table would hold.

    Without one, it is folded from the log: there is no admission in memory.
    """

    def __init__(
        self,
        table: MemoryQuotaTable,
        *,
        fleet: EventLog,
        calls: EventLog,
        by_window: dict[WindowId, Balance] | None = None,
    ) -> None:
        self._table, self._fleet, self._calls = table, fleet, calls
        self._by_window = by_window

    def now(self, team_id: UUID, quota_id: UUID) -> SeenBalance | None:
        quota = self._table.quotas.get(quota_id)
        if quota is None or _team_of(quota) != team_id:
            return None
        fleet, (calls, balances) = self._fleet.head(), self.snapshot()
        return SeenBalance(
            balance=_balance(quota_id, quota, datetime.now(UTC), balances),
            fleet=fleet,
            calls=calls,
        )

    def of(self, windows: Iterable[WindowId]) -> list[QuotaBalance]:
        _, balances = self.snapshot()
        return [
            _balance(quota_id, self._table.quotas[quota_id], start, balances)
            for quota_id, start in windows
            if quota_id in self._table.quotas and (quota_id, start) in balances
        ]

    def mentions(self, quota_id: UUID, *, after: int, upto: int) -> Iterator[Placed]:
        page = self._calls.page(after=after, limit=2**31, upto=upto)
        for one in page.events:
            if str(quota_id) in repr(one.recorded.event):
                yield one

    def holds_back(self, quota_id: UUID, *, after: int, upto: int) -> Iterator[Placed]:
        return reversed(list(self.mentions(quota_id, after=after, upto=upto)))

    def snapshot(self) -> tuple[int, dict[WindowId, Balance]]:
        page = self._calls.page(after=0, limit=2**31)
        if self._by_window is not None:
            return page.upto, dict(self._by_window)
        folded = Balances()
        for placed in page.events:
            fold(folded, placed.recorded.event)
        return page.upto, folded.by_window


class MemoryQuotaList(MemoryView[QuotaRow], QuotaList):
    def of_team(
        self,
        team_id: UUID,
        *,
        scope_kind: ScopeKind | None,
        scope_id: str | None,
        after: UUID | None,
        limit: int,
    ) -> list[QuotaRow]:
        mine = (
            row
            for row in self.rows.values()
            if row.team_id == team_id
            and (after is None or row.quota_id > after)
            and scope_kind in {None, row.scope_kind}
            and scope_id in {None, row.scope_id}
        )
        return sorted(mine, key=lambda row: row.quota_id)[:limit]


def _team_of(quota: Quota) -> UUID | None:
    return None if quota.definition is None else quota.definition.team_id


def _balance(
    quota_id: UUID, quota: Quota, at: datetime, balances: dict[WindowId, Balance]
) -> QuotaBalance:
    """Of the window in which `at` falls; the limit is the one in force now."""
    definition = quota.definition
    assert definition is not None, "it was set"
    start, end = window_of(definition.window, definition.time_zone, at)
    balance = balances.get((quota_id, start), Balance())
    return QuotaBalance(
        quota_id=quota_id,
        team_id=definition.team_id,
        limit=quota.limit_at(datetime.now(UTC)),
        warn_at_permille=quota.warn_at_permille,
        window_start=start,
        window_end=end,
        settled=balance.settled,
        held=balance.held,
    )
