"""The token that a bot's container holds: made by the worker, known by its hash only.

The log is told before the file is written, so that no container ever holds a token that
the proxy does not know. A worker that dies in between leaves a file with the token before,
which goes on for the time of grace; the next look finds that the two differ and makes
another one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from application.bus import Bus, Command
from application.event_log import Caller, EventLog
from application.workspaces import HeldToken, Workspaces
from domain.bot_events import TokenKind
from domain.bots import Bot

GRACE = timedelta(minutes=5)  # for a bot to read the new one


@dataclass(frozen=True, kw_only=True)
class IssueContainerToken(Command[None]):
    """Gives the bot's container a new token; a deleted bot gets none."""

    bot_id: UUID
    token_hash: str
    previous_end_at: datetime


def issue_container_token(command: IssueContainerToken, *, event_log: EventLog) -> None:
    bot = event_log.read(Bot(), command.bot_id)
    if bot.state.deleted or bot.state.quarantined:
        return
    events = bot.state.issue_token(
        token_hash=command.token_hash,
        previous_end_at=command.previous_end_at,
        kind=TokenKind.CONTAINER,
    )
    event_log.append(bot, events)


class ContainerTokens:
    """Sees to it that every container holds a token that works, and no old one."""

    def __init__(
        self,
        *,
        workspaces: Workspaces,
        bus: Bus,
        make: Callable[[], str],
        hash_of: Callable[[str], str],
        life: timedelta | None = None,
    ) -> None:
        """Tokens older than `life` are renewed; None: they are good for ever."""
        self._workspaces = workspaces
        self._bus = bus
        self._make = make
        self._hash_of = hash_of
        self._life = life

    def current(self, bot_id: UUID, bot: Bot, caller: Caller, now: datetime) -> str:
        """The token that the container's secrets hold, or should hold from now on."""
        held = self._workspaces.held_token(bot_id)
        if held is not None and self._is_good(held, bot, now):
            return held.token
        token = self._make()
        command = IssueContainerToken(
            bot_id=bot_id, token_hash=self._hash_of(token), previous_end_at=now + GRACE
        )
        self._bus.handle(command, by=caller)
        return token

    def _is_good(self, held: HeldToken, bot: Bot, now: datetime) -> bool:
        is_known = self._hash_of(held.token) == bot.container_token
        return is_known and (self._life is None or now - held.since < self._life)
