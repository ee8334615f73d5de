"""Seats: as many as a team may have, tried from another end by each."""

from __future__ import annotations

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import BotId, TeamId
from domain.seats import MOST, Seat, seats

TEAM = TeamId(uuid4())


@given(st.uuids(), st.sampled_from(Seat))
def test_whoever_comes_tries_every_seat_of_the_team_once(holder: UUID, kind: Seat) -> None:
    tried = seats(TEAM, kind, BotId(holder))
    assert len(set(tried)) == len(tried) == MOST[kind]
    assert set(tried) == set(seats(TEAM, kind, BotId(uuid4())))


def test_no_seat_is_of_two_teams_or_kinds() -> None:
    bots, keys = (set(seats(TEAM, kind, BotId(uuid4()))) for kind in Seat)
    others = set(seats(TeamId(uuid4()), Seat.BOT, BotId(uuid4())))
    assert bots.isdisjoint(keys)
    assert bots.isdisjoint(others)


def test_the_limits_are_those_of_the_baseline() -> None:
    assert MOST == {Seat.BOT: 500, Seat.KEY: 200}
