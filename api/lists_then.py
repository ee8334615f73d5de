"""Lists of bots, keys, quotas and prices as they were at a position of the fleet log.

Each one that may have been there is folded from its own stream, up to that position: so a
past list costs a few queries for each of them, whatever stands in the log beside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends

from api.past_views import ListThen, Then, list_then
from api.wired import Wired
from domain.bot_events import BotDeleted
from domain.ids import TeamId
from domain.key_events import ProviderKeyRemoved
from domain.log import FLEET
from domain.model_prices import ModelPriceRemoved
from domain.quota_events import QuotaRemoved
from domain.runs import run_of
from projections.bot_directory import BotDirectoryProjector, BotRow
from projections.key_ring import KeyRingProjector, KeyRow
from projections.model_prices import ModelPriceRow, ModelPricesProjector
from projections.quota_list import QuotaListProjector, QuotaRow
from projections.view import row_of

RowT = TypeVar("RowT")
PAGE = 1000


def bots_then(system: Wired, team_id: TeamId, then: ListThen) -> list[BotRow]:
    """The team's bots, by hostname."""
    rows = (bot_row_then(system, bot_id, then) for bot_id in then.ids)
    mine = (row for row in rows if row is not None and row.team_id == team_id)
    return sorted(mine, key=lambda row: row.hostname)


def bot_row_then(system: Wired, bot_id: UUID, then: Then) -> BotRow | None:
    """The bot with what was seen of its container; None: it was not there."""
    told = system.fleet.history(bot_id, upto=then.position)
    run = system.fleet.history(run_of(bot_id), upto=then.position)
    return row_of(BotDirectoryProjector(), FLEET, [*told, *run])


def keys_then(system: Wired, team_id: TeamId, then: ListThen) -> list[KeyRow]:
    """The team's keys, oldest first."""
    projector = KeyRingProjector()
    histories = (system.fleet.history(one, upto=then.position) for one in sorted(then.ids))
    rows = (row_of(projector, FLEET, history) for history in histories)
    return [row for row in rows if row is not None and row.team_id == team_id]


def quotas_then(system: Wired, team_id: TeamId, then: ListThen) -> list[QuotaRow]:
    """The team's quotas, oldest first."""
    projector = QuotaListProjector()
    histories = (system.fleet.history(one, upto=then.position) for one in sorted(then.ids))
    rows = (row_of(projector, FLEET, history) for history in histories)
    return [row for row in rows if row is not None and row.team_id == team_id]


def prices_then(system: Wired, team_id: TeamId, then: ListThen) -> list[ModelPriceRow]:
    """The team's own prices."""
    projector = ModelPricesProjector()
    histories = (system.fleet.history(one, upto=then.position) for one in then.ids)
    rows = (row_of(projector, FLEET, history) for history in histories)
    return [row for row in rows if row is not None and row.team_id == team_id]


def _price_ids(system: Wired, team_id: TeamId) -> list[UUID]:
    return [row.price_id for row in system.model_prices.of_team(team_id)]


def _bot_ids(system: Wired, team_id: TeamId) -> list[UUID]:
    def page(after: BotRow | None) -> list[BotRow]:
        name = "" if after is None else after.hostname
        return system.bot_directory.of_team(team_id, after=name, limit=PAGE)

    return [row.bot_id for row in _all(page)]


def _key_ids(system: Wired, team_id: TeamId) -> list[UUID]:
    def page(after: KeyRow | None) -> list[KeyRow]:
        key_id = None if after is None else after.key_id
        return system.key_ring.of_team(team_id, after=key_id, limit=PAGE)

    return [row.key_id for row in _all(page)]


def _quota_ids(system: Wired, team_id: TeamId) -> list[UUID]:
    def page(after: QuotaRow | None) -> list[QuotaRow]:
        return system.quota_list.of_team(
            team_id,
            scope_kind=None,
            scope_id=None,
            after=None if after is None else after.quota_id,
            limit=PAGE,
        )

    return [row.quota_id for row in _all(page)]


def _all(page: Callable[[RowT | None], list[RowT]]) -> list[RowT]:
    """Every row of a list, page by page."""
    found: list[RowT] = []
    while len(some := page(found[-1] if found else None)) == PAGE:
        found += some
    return found + some


BotsThen = Annotated[
    ListThen | None,
    Depends(
        list_then(lambda system: system.bot_directory, _bot_ids, removed=BotDeleted.TOPIC)
    ),
]
KeysThen = Annotated[
    ListThen | None,
    Depends(
        list_then(
            lambda system: system.key_ring, _key_ids, removed=ProviderKeyRemoved.TOPIC
        )
    ),
]
QuotasThen = Annotated[
    ListThen | None,
    Depends(
        list_then(lambda system: system.quota_list, _quota_ids, removed=QuotaRemoved.TOPIC)
    ),
]
PricesThen = Annotated[
    ListThen | None,
    Depends(
        list_then(
            lambda system: system.model_prices, _price_ids, removed=ModelPriceRemoved.TOPIC
        )
    ),
]
