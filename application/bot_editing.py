"""Editing a bot: everything that one request changes, changes together."""

from __future__ import annotations

from dataclasses import dataclass

from application.bots import BotCommand, ContainerWish, asked_bot
from application.event_log import EventLog, Stream
from application.host_ports import Change, free_port, released
from domain.bot_events import BotEvent
from domain.bots import Bot
from domain.equipment import Persona
from domain.ids import BotId


@dataclass(frozen=True, kw_only=True)
class EditBot(BotCommand):
    """None leaves a field as it is."""

    name: str | None = None
    tags: tuple[str, ...] | None = None
    container: ContainerWish | None = None
    persona: Persona | None = None
    features: str | None = None  # JSON object


def edit_bot(command: EditBot, *, event_log: EventLog) -> int:
    """The lease of its port changes in the same transaction."""
    bot = asked_bot(command, event_log)
    now, leases = bot.state, list[Change]()
    events: list[BotEvent] = []
    if command.name is not None:
        events += now.rename(command.name)
    if command.tags is not None:
        events += now.tag(command.tags)
    if command.persona is not None:
        events += now.equipment.set_persona(command.persona)
    if command.features is not None:
        events += now.equipment.set_features(command.features)
    if command.container is not None:
        configured, leases = _configured(bot, command.container, event_log)
        events += configured
    return event_log.append_all((bot, events), *leases)


def _configured(
    bot: Stream[Bot], wish: ContainerWish, event_log: EventLog
) -> tuple[list[BotEvent], list[Change]]:
    """Without a port to publish, a leased one is given back."""
    port, leases = bot.state.port, list[Change]()
    if wish.publish_from is None:
        leases, port = released(event_log, port), None
    elif port is None:
        lease, port = free_port(event_log, BotId(bot.id), wish.publish_from)
        leases = [lease]
    events = bot.state.configure(
        image=wish.image, resources=wish.resources, network=wish.network, port=port
    )
    return events, leases
