"""Notices played in memory."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from adapters.memory import MemoryView
from domain.happenings import PERSONAL
from domain.notices import NoticeReader
from projections.notices import (
    NoticeReaderRow,
    NoticeReaders,
    NoticeRow,
    Notices,
    reader_in,
)


class MemoryNotices(MemoryView[NoticeRow], Notices):
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
        found = [
            row
            for row in self.rows.values()
            if _is_for(row, team_id, user_id)
            and row.kind not in reader.muted
            and not (unread and reader.has_read(row.position))
            and (before is None or row.position < before)
        ]
        return sorted(found, key=lambda row: row.position, reverse=True)[:limit]

    def count_unread(self, team_id: UUID, user_id: UUID, reader: NoticeReader) -> int:
        every = len(self.rows)
        unread = self.of_team(
            team_id, user_id, reader, unread=True, before=None, limit=every
        )
        return len(unread)

    def positions(
        self, team_id: UUID, user_id: UUID, notice_ids: Collection[UUID]
    ) -> dict[UUID, int]:
        return {
            row.notice_id: row.position
            for row in self.rows.values()
            if _is_for(row, team_id, user_id) and row.notice_id in notice_ids
        }


def _is_for(row: NoticeRow, team_id: UUID, user_id: UUID) -> bool:
    return row.team_id == team_id and (
        row.kind not in PERSONAL or row.subject_id == user_id
    )


class MemoryNoticeReaders(MemoryView[NoticeReaderRow], NoticeReaders):
    def of(self, team_id: UUID, user_id: UUID) -> NoticeReader:
        return reader_in(self.rows.get((team_id, user_id)))
