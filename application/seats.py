"""The seats of a team's bots and keys: taken when one comes, given back when it goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from application.event_log import EventLog, Stream
from domain.claims import Claim
from domain.events import Event
from domain.ids import BotId, ProviderKeyId, TeamId
from domain.seats import REFUSALS, Seat, every_seat, seats

AT_ONCE = 50

Change = tuple[Stream[Claim], Sequence[Event]]


def seat_taken(
    event_log: EventLog, team_id: TeamId, kind: Seat, holder: BotId | ProviderKeyId
) -> Change:
    """The change that takes a seat that is free; `TooManyBots`, `TooManyKeys`."""
    for claim in _tried(event_log, team_id, kind, holder):
        if claim.state.holder in {None, holder}:
            return claim, claim.state.take(holder)
    raise REFUSALS[kind]


def seat_left(
    event_log: EventLog, team_id: TeamId, kind: Seat, holder: BotId | ProviderKeyId
) -> list[Change]:
    """The change that gives the holder's seat back, if it has one."""
    for claim in _tried(event_log, team_id, kind, holder):
        if claim.state.holder == holder:
            return [(claim, claim.state.release())]
    return []


def seated(event_log: EventLog, team_id: TeamId, kind: Seat) -> list[UUID]:
    """Who has a seat now, by the claims themselves."""
    claims = event_log.read_all(Claim(), every_seat(team_id, kind))
    return [one.state.holder for one in claims if one.state.holder is not None]


def _tried(
    event_log: EventLog, team_id: TeamId, kind: Seat, holder: BotId | ProviderKeyId
) -> Iterator[Stream[Claim]]:
    """Every seat as it stands, in the order in which this holder tries them."""
    places = seats(team_id, kind, holder)
    for first in range(0, len(places), AT_ONCE):
        some = places[first : first + AT_ONCE]
        there = {claim.id: claim for claim in event_log.read_all(Claim(), some)}
        yield from (there.get(place) or Stream(place, 0, Claim()) for place in some)
