"""Commands about what a bot's container should do, each with its handler below it.

They change what is wanted; the worker makes it so (`application/reconciling.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from application.bots import BotCommand, asked_bot
from application.event_log import EventLog
from application.host_ports import released
from application.ports import Vault
from application.seats import seat_left
from domain.bots import Bot
from domain.claims import Claim, hostname_claim
from domain.ids import BotId
from domain.seats import Seat


@dataclass(frozen=True, kw_only=True)
class StartBot(BotCommand):
    pass


def start_bot(command: StartBot, *, event_log: EventLog) -> int:
    bot = asked_bot(command, event_log)
    return event_log.append(bot, bot.state.start())


@dataclass(frozen=True, kw_only=True)
class StopBot(BotCommand):
    pass


def stop_bot(command: StopBot, *, event_log: EventLog) -> int:
    bot = asked_bot(command, event_log)
    return event_log.append(bot, bot.state.stop())


@dataclass(frozen=True, kw_only=True)
class RestartBot(BotCommand):
    pass


def restart_bot(command: RestartBot, *, event_log: EventLog) -> int:
    bot = asked_bot(command, event_log)
    return event_log.append(bot, bot.state.restart())


@dataclass(frozen=True, kw_only=True)
class QuarantineBot(BotCommand):
    reason: str


def quarantine_bot(command: QuarantineBot, *, event_log: EventLog) -> int:
    """Its tokens and its network are cut by one event."""
    bot = asked_bot(command, event_log)
    return event_log.append(bot, bot.state.quarantine(command.reason))


@dataclass(frozen=True, kw_only=True)
class ReleaseBot(BotCommand):
    pass


def release_bot(command: ReleaseBot, *, event_log: EventLog) -> int:
    bot = asked_bot(command, event_log)
    return event_log.append(bot, bot.state.release())


@dataclass(frozen=True, kw_only=True)
class RevokeBotTokens(BotCommand):
    pass


def revoke_bot_tokens(command: RevokeBotTokens, *, event_log: EventLog) -> int:
    bot = asked_bot(command, event_log)
    return event_log.append(bot, bot.state.revoke_tokens())


@dataclass(frozen=True, kw_only=True)
class DeleteBot(BotCommand):
    pass


def delete_bot(command: DeleteBot, *, event_log: EventLog, vault: Vault) -> int:
    """Hostname, port and seat are free, and its credentials shredded, with the event."""
    bot = asked_bot(command, event_log)
    claim = event_log.read(Claim(), hostname_claim(command.team_id, command.hostname))
    for secret_id in _secrets_of(bot.state):
        vault.remove(command.team_id, secret_id)
    return event_log.append_all(
        (bot, bot.state.delete()),
        (claim, claim.state.release()),
        *released(event_log, bot.state.port),
        *seat_left(event_log, command.team_id, Seat.BOT, BotId(bot.id)),
    )


def _secrets_of(bot: Bot) -> list[UUID]:
    """Where its plugins' and channels' credentials lie in the vault."""
    plugins, channels = bot.equipment.plugins, bot.equipment.channels
    return [
        *(plugin.id for plugin in plugins if plugin.secret_version > 0),
        *(channel.id for channel in channels if channel.secret_version > 0),
    ]
