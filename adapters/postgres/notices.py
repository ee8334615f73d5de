"""Notices and their readers in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, LiteralString
from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.view import PostgresView
from domain.happenings import PERSONAL
from domain.notices import NoticeReader
from projections.notices import (
    NoticeReaderRow,
    NoticeReaders,
    NoticeRow,
    Notices,
    reader_in,
)

THEIRS: LiteralString = "team_id = %s AND (kind <> ALL(%s::text[]) OR subject_id = %s)"
SHOWN: LiteralString = THEIRS + " AND kind <> ALL(%s::text[])"
UNREAD: LiteralString = " AND position > %s AND position <> ALL(%s::bigint[])"

_PERSONAL = [kind.value for kind in PERSONAL]


class PostgresNotices(PostgresView[NoticeRow], Notices):
    table = "notices"
    row = NoticeRow

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
        where: LiteralString = SHOWN
        values: list[Any] = [team_id, _PERSONAL, user_id, list(reader.muted)]
        if unread:
            where += UNREAD
            values += [reader.upto, list(reader.positions)]
        if before is not None:
            where += " AND position < %s"
            values.append(before)
        where += " ORDER BY position DESC LIMIT %s"
        return self.query(team_id, where, *values, limit)

    def count_unread(self, team_id: UUID, user_id: UUID, reader: NoticeReader) -> int:
        with self._database.team_cursor(team_id) as cursor:
            cursor.execute(
                SQL("SELECT count(*) FROM notices WHERE ") + SQL(SHOWN) + SQL(UNREAD),
                (
                    team_id,
                    _PERSONAL,
                    user_id,
                    list(reader.muted),
                    reader.upto,
                    list(reader.positions),
                ),
            )
            return int((cursor.fetchone() or (0,))[0])

    def positions(
        self, team_id: UUID, user_id: UUID, notice_ids: Collection[UUID]
    ) -> dict[UUID, int]:
        where: LiteralString = THEIRS + " AND notice_id = ANY(%s::uuid[])"
        rows = self.query(team_id, where, team_id, _PERSONAL, user_id, list(notice_ids))
        return {row.notice_id: row.position for row in rows}


class PostgresNoticeReaders(PostgresView[NoticeReaderRow], NoticeReaders):
    table = "notice_readers"
    row = NoticeReaderRow

    def of(self, team_id: UUID, user_id: UUID) -> NoticeReader:
        where: LiteralString = "team_id = %s AND user_id = %s"
        rows = self.query(team_id, where, team_id, user_id)
        return reader_in(rows[0] if rows else None)
