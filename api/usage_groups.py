"""Groups of calls as they go out: by what they are called, the dearest first."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from typing import cast
from uuid import UUID

from api.usage_shapes import Members, shown
from api.wired import Wired
from domain.bot_events import BotCreated
from domain.ids import TeamId
from projections.usage import UsageTotals

MOST_KEYS = 1000

Found = Iterable[tuple[Hashable, UsageTotals]]


def broken_down(
    system: Wired, team_id: TeamId, group_by: str, found: Found
) -> list[Members]:
    """The groups, each a `BreakdownItem`; those of bots are put together again by who made
    them, for members."""
    if group_by == "member":
        items = _members(system, found)
    elif group_by == "bot":
        items = [_of_bot(key, totals) for key, totals in found]
    elif group_by == "provider_key":
        items = _keys(system, team_id, found)
    else:
        items = [_item(None if k is None else str(k), totals) for k, totals in found]
    return sorted(items, key=_dearest_first)


def _item(
    key: str | None,
    totals: UsageTotals,
    *,
    item_id: UUID | None = None,
    label: str | None = None,
) -> Members:
    return shown(totals, key=key, id=item_id, label=label)


def _of_bot(key: Hashable, totals: UsageTotals) -> Members:
    bot_id, hostname = cast("tuple[UUID | None, str | None]", key)
    return _item(hostname, totals, item_id=bot_id)


def _keys(system: Wired, team_id: TeamId, found: Found) -> list[Members]:
    """A key that is no more has no label."""
    rows = system.key_ring.of_team(team_id, after=None, limit=MOST_KEYS)
    labels = {row.key_id: row.label for row in rows}
    items = []
    for key, totals in found:
        key_id = cast("UUID | None", key)
        label = None if key_id is None else labels.get(key_id)
        name = None if key_id is None else str(key_id)
        items.append(_item(name, totals, item_id=key_id, label=label))
    return items


def _members(system: Wired, found: Found) -> list[Members]:
    """Who made the bot used it, be it by a program; checks of keys have no member."""
    by_bot = [(cast("tuple[UUID | None, str | None]", key)[0], part) for key, part in found]
    makers = _makers(system, {bot_id for bot_id, _ in by_bot if bot_id is not None})
    parts: dict[UUID | None, UsageTotals] = {}
    for bot_id, part in by_bot:
        user_id = None if bot_id is None else makers.get(bot_id)
        parts[user_id] = parts.get(user_id, UsageTotals()) + part
    items = []
    for user_id, totals in parts.items():
        person = None if user_id is None else system.people.get(user_id)
        label = None if person is None else person.name
        name = None if user_id is None else str(user_id)
        items.append(_item(name, totals, item_id=user_id, label=label))
    return items


def _makers(system: Wired, bot_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Who made each of the bots."""
    made: dict[UUID, UUID] = {}
    for bot_id, history in system.fleet.histories(list(bot_ids)).items():
        created = history[0].event
        if isinstance(created, BotCreated) and created.owner_id is not None:
            made[bot_id] = created.owner_id
    return made


def _dearest_first(item: Members) -> tuple[int, int, str]:
    return -(item["cost_micro_usd"] or 0), -item["calls"], item["key"] or ""
