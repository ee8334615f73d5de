"""Commands about bots, each with its handler below it.

Bots are named by their hostname inside the team; `bot_named` finds the stream through the
hostname's claim, so that it is never behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from application.bus import Command
from application.equipping import equipped
from application.event_log import EventLog, Stream
from application.host_ports import Change, free_port
from application.ports import Secret, SecretRef, Vault
from application.seats import seat_taken
from domain.bot_equipment import PLAIN, Equipment
from domain.bot_events import UNBOUND, ProviderLink, Runtime, TokenKind, TokenScope
from domain.bots import Bot
from domain.claims import Claim, hostname_claim
from domain.containers import NetworkPolicy, Resources
from domain.errors import InvalidFields, NotFound, PreconditionFailed
from domain.ids import BotId, LinkId, TeamId, UserId
from domain.keys import ProviderKey
from domain.seats import Seat


def bot_named(event_log: EventLog, team_id: TeamId, hostname: str) -> Stream[Bot]:
    """The team's bot of that hostname as it stands; refused if there is none."""
    claim = event_log.read(Claim(), hostname_claim(team_id, hostname))
    if claim.state.holder is None:
        raise NotFound
    bot = event_log.read(Bot(), claim.state.holder)
    if bot.state.deleted:  # since the claim was read
        raise NotFound
    return bot


def expect(stream: Stream[Bot] | Stream[ProviderKey], version: int | None) -> None:
    """Refuse if the caller read another version than the one that stands."""
    if version is not None and version != stream.version:
        raise PreconditionFailed


@dataclass(frozen=True, kw_only=True)
class BotCommand(Command[int]):
    """A command about one bot; answers the position reached."""

    team_id: TeamId
    hostname: str
    expected_version: int | None = None


def asked_bot(command: BotCommand, event_log: EventLog) -> Stream[Bot]:
    """The bot that it is about, at the version that it expects."""
    bot = bot_named(event_log, command.team_id, command.hostname)
    expect(bot, command.expected_version)
    return bot


@dataclass(frozen=True, kw_only=True)
class ContainerWish:
    """What the container of a bot is to be made from."""

    image: str
    resources: Resources
    network: NetworkPolicy = NetworkPolicy.ISOLATED
    publish_from: int | None = None  # a free host port from there on; None: publish none


@dataclass(frozen=True, kw_only=True)
class CreateBot(Command[int]):
    """A bot with all that belongs to it, or none of it; answers the position reached."""

    bot_id: BotId  # chosen by the caller, so that trying again is harmless
    team_id: TeamId
    hostname: str
    name: str
    tags: tuple[str, ...]
    links: tuple[ProviderLink, ...]
    token_hash: str
    now: datetime
    runtime: Runtime = Runtime.EXTERNAL
    container: ContainerWish | None = None
    equipment: Equipment = PLAIN
    secrets: tuple[tuple[SecretRef, Secret], ...] = ()  # of plugins and channels
    owner_id: UserId | None = None  # the person that quotas of members count it for


def create_bot(command: CreateBot, *, event_log: EventLog, vault: Vault) -> int:
    bot = event_log.begin(Bot(), command.bot_id)
    claim = event_log.look(Claim(), hostname_claim(command.team_id, command.hostname))
    events = bot.state.create(
        team_id=command.team_id,
        hostname=command.hostname,
        name=command.name,
        tags=command.tags,
        runtime=command.runtime,
        owner_id=command.owner_id,
    )
    for link in command.links:
        events += bot.state.link(_checked(event_log, command.team_id, link))
    events += equipped(bot.state.equipment, command.equipment)
    claims: list[Change] = [
        (claim, claim.state.take(command.bot_id)),
        seat_taken(event_log, command.team_id, Seat.BOT, command.bot_id),
    ]
    if command.container is not None:
        wish, created = command.container, bot.state.evolve(events[0])
        port = None
        if wish.publish_from is not None:
            lease, port = free_port(event_log, command.bot_id, wish.publish_from)
            claims.append(lease)
        events += created.configure(
            image=wish.image, resources=wish.resources, network=wish.network, port=port
        )
    events += bot.state.issue_token(
        token_hash=command.token_hash, previous_end_at=command.now
    )
    for ref, secret in command.secrets:
        vault.put(ref, secret)
    return event_log.append_all(*claims, (bot, events))


def _checked(event_log: EventLog, team_id: TeamId, link: ProviderLink) -> ProviderLink:
    """The link, unless it names a key that is not the team's."""
    if link.provider_key_id is not None:
        key = event_log.look(ProviderKey(), link.provider_key_id).state
        if key.team_id != team_id or key.removed:
            raise InvalidFields(provider_key_id="not-found")
    return link


@dataclass(frozen=True, kw_only=True)
class LinkProvider(BotCommand):
    link: ProviderLink


def link_provider(command: LinkProvider, *, event_log: EventLog) -> int:
    bot = asked_bot(command, event_log)
    link = _checked(event_log, command.team_id, command.link)
    return event_log.append(bot, bot.state.link(link))


@dataclass(frozen=True, kw_only=True)
class UnlinkProvider(BotCommand):
    link_id: LinkId


def unlink_provider(command: UnlinkProvider, *, event_log: EventLog) -> int:
    bot = asked_bot(command, event_log)
    return event_log.append(bot, bot.state.unlink(command.link_id))


@dataclass(frozen=True, kw_only=True)
class IssueBotToken(BotCommand):
    token_hash: str
    previous_end_at: datetime
    kind: TokenKind = TokenKind.OWNER
    scope: TokenScope = UNBOUND


def issue_bot_token(command: IssueBotToken, *, event_log: EventLog) -> int:
    bot = asked_bot(command, event_log)
    return event_log.append(
        bot,
        bot.state.issue_token(
            token_hash=command.token_hash,
            previous_end_at=command.previous_end_at,
            kind=command.kind,
            scope=command.scope,
        ),
    )
