"""Histories of people who read notices."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain.events import Event
from domain.happenings import Kind
from domain.ids import TeamId, UserId
from domain.notices import NoticesMuted, NoticesRead, reader_id

ADA, BOB = UserId(UUID(int=0xADA)), UserId(UUID(int=0xB0B))


def notice_readers(team: TeamId, other_team: TeamId) -> list[tuple[UUID, Sequence[Event]]]:
    """Ada reads some and then all, Bob mutes, and Ada reads in another team."""
    return [
        (
            reader_id(team, ADA),
            [
                NoticesRead(team_id=team, user_id=ADA, positions=(3, 9)),
                NoticesRead(team_id=team, user_id=ADA, upto=5),
            ],
        ),
        (
            reader_id(team, BOB),
            [NoticesMuted(team_id=team, user_id=BOB, kinds=(Kind.KEY_COOLING.value,))],
        ),
        (
            reader_id(other_team, ADA),
            [NoticesRead(team_id=other_team, user_id=ADA, positions=(4,))],
        ),
    ]
