"""Notices: what the people of a team should hear of, and what each of them has read.

Both are folded from the fleet log: a row for each notice, the first time that it is given,
and a row for each person in each team. What concerns the instance and no team is kept as if
it were of a team that nobody is in; its operators are shown it in whatever team they act.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, cast
from uuid import UUID

from domain.happenings import Fact, Kind, notice_of
from domain.log import FLEET, Placed
from domain.notices import NoticeReader, NoticeReaderEvent
from projections.view import Key, Projector, View

INSTANCE = UUID(int=0)  # the team of what concerns no team


@dataclass(frozen=True, kw_only=True)
class NoticeRow:
    KEY: ClassVar[tuple[str, ...]] = ("notice_id",)
    notice_id: UUID
    team_id: UUID
    position: int
    kind: Kind
    subject_id: UUID
    facts: dict[str, Fact]
    at: datetime


class Notices(View[NoticeRow]):
    """What can be asked of the notices; `reader` leaves out what they have muted.

    What is personal is there for that user alone.
    """

    @abstractmethod
    def of_team(  # noqa: PLR0913 - what a page is of
        self,
        team_id: UUID,
        user_id: UUID,
        reader: NoticeReader,
        *,
        unread: bool,
        before: int | None,
        limit: int,
    ) -> list[NoticeRow]:
        """The team's notices, newest first, from behind the position `before`."""

    @abstractmethod
    def count_unread(self, team_id: UUID, user_id: UUID, reader: NoticeReader) -> int:
        """How many the reader has not read."""

    @abstractmethod
    def positions(
        self, team_id: UUID, user_id: UUID, notice_ids: Collection[UUID]
    ) -> dict[UUID, int]:
        """Where those of them are that are the team's, and not another person's."""


class NoticesProjector(Projector[NoticeRow]):
    name = "notices"
    logs = (FLEET,)
    row = NoticeRow

    def key(self, placed: Placed) -> Key | None:
        notice = notice_of(placed.recorded)
        return None if notice is None else (notice.id,)

    def project(self, row: NoticeRow | None, placed: Placed) -> NoticeRow | None:
        recorded, notice = placed.recorded, notice_of(placed.recorded)
        if row is not None or notice is None:
            return row  # it was given before
        return NoticeRow(
            notice_id=notice.id,
            team_id=recorded.team_id or INSTANCE,
            position=placed.position,
            kind=notice.kind,
            subject_id=notice.subject_id,
            facts=dict(notice.facts),
            at=recorded.at,
        )


@dataclass(frozen=True, kw_only=True)
class NoticeReaderRow:
    KEY: ClassVar[tuple[str, ...]] = ("team_id", "user_id")
    team_id: UUID
    user_id: UUID
    upto: int
    positions: tuple[int, ...]
    muted: tuple[str, ...]


class NoticeReaders(View[NoticeReaderRow]):
    """What can be asked of those who read notices."""

    @abstractmethod
    def of(self, team_id: UUID, user_id: UUID) -> NoticeReader:
        """What that person has read of the team's notices, and has muted."""


class NoticeReadersProjector(Projector[NoticeReaderRow]):
    name = "notice_readers"
    logs = (FLEET,)
    row = NoticeReaderRow

    def key(self, placed: Placed) -> Key | None:
        event = placed.recorded.event
        if isinstance(event, NoticeReaderEvent):
            return (event.team_id, event.user_id)
        return None

    def project(
        self, row: NoticeReaderRow | None, placed: Placed
    ) -> NoticeReaderRow | None:
        event = cast("NoticeReaderEvent", placed.recorded.event)
        reader = reader_in(row).evolve(event)
        return NoticeReaderRow(
            team_id=event.team_id,
            user_id=event.user_id,
            upto=reader.upto,
            positions=reader.positions,
            muted=reader.muted,
        )


def reader_in(row: NoticeReaderRow | None) -> NoticeReader:
    """What the row says; somebody without one has read nothing."""
    if row is None:
        return NoticeReader()
    return NoticeReader(upto=row.upto, positions=row.positions, muted=row.muted)
