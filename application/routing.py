"""Commands about routing: a bot's policy, and the team's chains, tags and strategies.

Handlers answer the position reached. What a policy or an entry may say is judged with the
built-in entries and the models that are known; a model that nobody knows is believed where
the team has named it itself: by a price of its own, or in a provider link of the bot.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from application.bots import BotCommand, asked_bot, bot_named
from application.bus import Command
from application.event_log import EventLog, Stream
from domain.bots import Bot
from domain.errors import PreconditionFailed
from domain.ids import TeamId
from domain.keys import ProviderKey
from domain.model_prices import ModelPrice, model_price_id
from domain.routing_checks import check_policy
from domain.routing_entries import (
    Body,
    EntryKind,
    Label,
    TeamShelf,
    kind_of,
    shelf_id,
)
from domain.routing_faults import KnownModels
from domain.routing_policy import (
    Complexity,
    FallbackChain,
    RouteTarget,
    RoutingPolicy,
    RoutingShelf,
)
from domain.routing_steps import steps_of


class ModelLists(KnownModels, Protocol):
    """What vendors are known to have."""

    def naming(self, own: Collection[tuple[str, str]]) -> KnownModels:
        """The same for a team that has named these (vendor, model) itself."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What policies and entries are judged by."""

    built_in: RoutingShelf
    models: ModelLists

    def to_team(
        self,
        event_log: EventLog,
        team_id: TeamId,
        targets: Iterable[RouteTarget],
        linked: Iterable[tuple[str, str]] = (),
    ) -> KnownModels:
        """The models that are known to the team, as far as these targets go."""
        own = set(linked)
        for target in targets:
            if self.models.has_model(target.vendor, target.model) is False:
                price_id = model_price_id(team_id, target.vendor, target.model)
                if event_log.look(ModelPrice(), price_id).state.rates is not None:
                    own.add((target.vendor, target.model))
        return self.models.naming(own) if own else self.models


@dataclass(frozen=True, kw_only=True)
class SetBotRouting(BotCommand):
    """Without a policy, `auto` calls go to the bot's primary model."""

    policy: RoutingPolicy | None


def set_bot_routing(command: SetBotRouting, *, event_log: EventLog, known: Known) -> int:
    bot = asked_bot(command, event_log)
    if command.policy is not None:
        _judge(command.policy, event_log, command.team_id, bot.state, known)
    return event_log.append(bot, bot.state.route(command.policy))


@dataclass(frozen=True, kw_only=True)
class JudgePolicy(Command[None]):
    """Refused as `SetBotRouting` would be; nothing is recorded.

    Without a hostname no bot's provider links are looked at.
    """

    team_id: TeamId
    hostname: str | None
    policy: RoutingPolicy


def judge_policy(command: JudgePolicy, *, event_log: EventLog, known: Known) -> None:
    bot = None
    if command.hostname is not None:
        bot = bot_named(event_log, command.team_id, command.hostname).state
    _judge(command.policy, event_log, command.team_id, bot, known)


def _judge(
    policy: RoutingPolicy,
    event_log: EventLog,
    team_id: TeamId,
    bot: Bot | None,
    known: Known,
) -> None:
    """Refuse with `InvalidFields` what no call of the bot could be routed by."""
    shelf = team_shelf(event_log, team_id).state.over(known.built_in)
    targets = [one for one in steps_of(policy, shelf) if isinstance(one, RouteTarget)]
    if isinstance(policy, Complexity) and policy.classifier is not None:
        targets.append(policy.classifier)
    linked = () if bot is None else tuple(_linked(event_log, bot))
    check_policy(policy, shelf, known.to_team(event_log, team_id, targets, linked))


def _linked(event_log: EventLog, bot: Bot) -> Iterator[tuple[str, str]]:
    """Vendor and model of what the bot's provider links name."""
    for link in bot.links:
        vendor = link.vendor
        if link.provider_key_id is not None:
            vendor = event_log.look(ProviderKey(), link.provider_key_id).state.vendor
        if vendor is not None:
            names = (*link.models, *([link.primary_model] if link.primary_model else []))
            yield from ((vendor, name) for name in names)


def team_shelf(event_log: EventLog, team_id: TeamId) -> Stream[TeamShelf]:
    """The team's own entries as they stand; none, if it never had any."""
    return event_log.look(TeamShelf(), shelf_id(team_id))


@dataclass(frozen=True, kw_only=True)
class AddRoutingEntry(Command[int]):
    team_id: TeamId
    body: Body
    label: Label


def add_routing_entry(
    command: AddRoutingEntry, *, event_log: EventLog, known: Known
) -> int:
    shelf = team_shelf(event_log, command.team_id)
    added = shelf.state.add(
        command.team_id,
        command.body,
        command.label,
        built_in=known.built_in,
        models=known.to_team(event_log, command.team_id, targets_of(command.body)),
    )
    return event_log.append(shelf, added)


@dataclass(frozen=True, kw_only=True)
class ChangeRoutingEntry(Command[int]):
    """The version is the entry's."""

    team_id: TeamId
    body: Body
    label: Label
    expected_version: int | None


def change_routing_entry(
    command: ChangeRoutingEntry, *, event_log: EventLog, known: Known
) -> int:
    shelf = team_shelf(event_log, command.team_id)
    kind = kind_of(command.body)
    _expect_entry(shelf.state, kind, command.body.id, command.expected_version)
    changed = shelf.state.change(
        command.team_id,
        command.body,
        command.label,
        built_in=known.built_in,
        models=known.to_team(event_log, command.team_id, targets_of(command.body)),
    )
    return event_log.append(shelf, changed)


@dataclass(frozen=True, kw_only=True)
class RemoveRoutingEntry(Command[int]):
    team_id: TeamId
    kind: EntryKind
    entry_id: str
    expected_version: int | None


def remove_routing_entry(command: RemoveRoutingEntry, *, event_log: EventLog) -> int:
    shelf = team_shelf(event_log, command.team_id)
    _expect_entry(shelf.state, command.kind, command.entry_id, command.expected_version)
    removed = shelf.state.remove(command.team_id, command.kind, command.entry_id)
    return event_log.append(shelf, removed)


def _expect_entry(
    shelf: TeamShelf, kind: EntryKind, entry_id: str, version: int | None
) -> None:
    if version is not None and version != shelf.of(kind, entry_id).version:
        raise PreconditionFailed


def targets_of(body: Body) -> tuple[RouteTarget, ...]:
    """The targets that an entry names itself."""
    steps = body.steps if isinstance(body, FallbackChain) else body.models
    return tuple(step for step in steps if isinstance(step, RouteTarget))
