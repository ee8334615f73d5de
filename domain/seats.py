"""Seats: a team has so many bots and keys at most, and each of them holds one.

A seat is a claim (`domain/claims.py`) with a number, so that two who come at once never
share one, and the last one goes to one of them.
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID, uuid5

from domain.errors import Conflict
from domain.ids import BotId, ProviderKeyId, TeamId

_SEATS = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a09")


class Seat(StrEnum):
    """What sits there."""

    BOT = "bot"
    KEY = "key"


MOST: dict[Seat, int] = {Seat.BOT: 500, Seat.KEY: 200}  # of a team


class TooManyBots(Conflict):
    """A team has at most 500 bots; delete one that is not needed."""

    code = "too-many-bots"


class TooManyKeys(Conflict):
    """A team has at most 200 provider keys; remove one that is not needed."""

    code = "too-many-keys"


REFUSALS: dict[Seat, type[Conflict]] = {Seat.BOT: TooManyBots, Seat.KEY: TooManyKeys}


def seats(team_id: TeamId, kind: Seat, holder: BotId | ProviderKeyId) -> list[UUID]:
    """The streams of all the team's seats, in the order in which this one tries them.

    Each begins elsewhere, so that two who come at once seldom want the same.
    """
    every = every_seat(team_id, kind)
    first = holder.int % len(every)
    return every[first:] + every[:first]


def every_seat(team_id: TeamId, kind: Seat) -> list[UUID]:
    """The streams of all the team's seats."""
    return [uuid5(_SEATS, f"{team_id} {kind} {number}") for number in range(MOST[kind])]
