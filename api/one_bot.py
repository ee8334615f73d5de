"""The bot that a path names, for whoever asks: to be read, or to be told something."""

from __future__ import annotations

from typing import Annotated, Protocol

from fastapi import Depends, Response

from api.bot_reading import Bots, TheBots, bot_of
from api.bot_shapes import BotOut
from api.callers import TheUser
from api.past import Past, ThePast, ThePastOfList
from api.positions import ExpectedVersion, reached, tag_version
from api.wired import TheSystem, Wired
from application.bus import Command
from domain.bots import Bot
from domain.ids import TeamId


class Order(Protocol):
    """A kind of command about one bot, whose other fields are given already."""

    def __call__(
        self, *, team_id: TeamId, hostname: str, expected_version: int | None
    ) -> Command[int]: ...


class Orders:
    """Whatever the caller wants of the bot; with `If-Match`, of that version of it."""

    def __init__(  # noqa: PLR0913, PLR0917 - what the framework hands in
        self,
        hostname: str,
        user: TheUser,
        system: TheSystem,
        bots: TheBots,
        expected: ExpectedVersion,
        response: Response,
    ) -> None:
        self._hostname = hostname
        self._user = user
        self._system = system
        self._bots = bots
        self._expected = expected
        self._response = response

    def give(self, order: Order) -> int:
        """It is on record up to the position that is answered and told."""
        command = order(
            team_id=self._user.team_id,
            hostname=self._hostname,
            expected_version=self._expected,
        )
        position = self._system.bus.handle(command, by=self._user.caller)
        reached(self._response, position)
        return position

    def carry_out(self, order: Order) -> BotOut:
        """The bot, once the order is on record."""
        position = self.give(order)
        return self._bots.shown(self._hostname, self._response, position=position)

    @property
    def bot(self) -> Bot:
        """The bot as it stands."""
        return self._bots.state(self._hostname)


def _as_it_was(
    hostname: str, past: Past | None, bots: Bots, system: Wired, response: Response
) -> Bot:
    if past is None:
        reached(response, system.fleet.head())
    history = bots.history(hostname, past)
    tag_version(response, history[-1].originator_version)
    return bot_of(history)


def _bot(
    hostname: str, past: ThePast, bots: TheBots, system: TheSystem, response: Response
) -> Bot:
    return _as_it_was(hostname, past, bots, system, response)


def _bot_of_list(
    hostname: str, past: ThePastOfList, bots: TheBots, system: TheSystem, response: Response
) -> Bot:
    return _as_it_was(hostname, past, bots, system, response)


TheOrders = Annotated[Orders, Depends()]
# As it stands, or stood `at` a time or a position; with its version as the ETag.
TheBot = Annotated[Bot, Depends(_bot)]
# The same where the route itself takes a `PastListQuery`.
TheBotOfList = Annotated[Bot, Depends(_bot_of_list)]
