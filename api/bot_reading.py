"""Reading one bot from its own stream, so that the answer is never behind."""

from __future__ import annotations

from functools import reduce
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from api.bot_shapes import BotOut, bot_shown
from api.callers import TheUser
from api.past import Past, history_then
from api.positions import reached, tag_version
from api.wired import TheSystem, Wired
from domain.bot_events import BotEvent
from domain.bots import Bot
from domain.claims import Claim, ClaimEvent, hostname_claim
from domain.errors import NotFound
from domain.events import Event, Recorded
from domain.ids import TeamId
from domain.log import FLEET
from domain.runs import run_of
from projections.bot_directory import BotDirectoryProjector, BotRow
from projections.view import row_of


class Bots:
    """The bots of the caller's team, by hostname."""

    def __init__(self, system: Wired, team_id: TeamId) -> None:
        self._system = system
        self._team_id = team_id

    def history(self, hostname: str, past: Past | None = None) -> list[Recorded[Event]]:
        """The stream of the bot that has the hostname, or had it then; refused if none."""
        fleet, claim_id = self._system.fleet, hostname_claim(self._team_id, hostname)
        told = history_then(fleet, claim_id, past)
        claims: list[ClaimEvent] = [one.event for one in told]  # type: ignore[misc]
        holder = reduce(Claim.evolve, claims, Claim()).holder
        if holder is None:
            raise NotFound
        return history_then(fleet, holder, past)

    def id_of(self, hostname: str) -> UUID:
        """The id of the bot that has the hostname; refused if there is none."""
        return self.history(hostname)[0].originator_id

    def state(self, hostname: str, past: Past | None = None) -> Bot:
        """The bot with all that it is equipped with, as it stands or stood then."""
        return bot_of(self.history(hostname, past))

    def row(self, hostname: str, past: Past | None = None) -> BotRow:
        """The bot as it stands, or stood then; refused if there is none."""
        history = self.history(hostname, past)
        run_id = run_of(history[0].originator_id)
        run = history_then(self._system.fleet, run_id, past)
        row = row_of(BotDirectoryProjector(), FLEET, [*history, *run])
        if row is None:
            raise NotFound
        return row

    def shown(
        self, hostname: str, response: Response, *, position: int | None = None
    ) -> BotOut:
        """The bot with its version, and the position that a write of it reached."""
        reached(response, self._system.fleet.head() if position is None else position)
        row = self.row(hostname)
        tag_version(response, row.version)
        return bot_shown(row, self._system.proxy_base_url)


def bot_of(history: list[Recorded[Event]]) -> Bot:
    """What the stream led to; refused if that is the bot's end."""
    events: list[BotEvent] = [one.event for one in history]  # type: ignore[misc]
    bot = reduce(Bot.evolve, events, Bot())
    if bot.deleted:
        raise NotFound
    return bot


def _bots(user: TheUser, system: TheSystem) -> Bots:
    return Bots(system, user.team_id)


TheBots = Annotated[Bots, Depends(_bots)]
