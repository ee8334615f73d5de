"""Cursors: where the next page begins, signed for one team and one list (its path)."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Request

from api.callers import TheUser
from api.shapes import ListQuery, Page
from api.wired import TheSystem
from domain.errors import InvalidFields

SIGNATURE_BYTES = 16

RowT = TypeVar("RowT")
Place = Sequence[str | int]


class Cursors:
    """The cursors of one team in one list."""

    def __init__(self, key: bytes, *, team_id: UUID, listed: str) -> None:
        self._key = key
        self._label = f"{team_id} {listed} ".encode()

    def write(self, place: Place) -> str:
        """The cursor for what comes behind the place."""
        text = json.dumps(list(place), separators=(",", ":")).encode()
        return urlsafe_b64encode(self._sign(text) + text).decode().rstrip("=")

    def read(self, cursor: str, read: Callable[..., RowT]) -> RowT:
        """The place, as `read` makes it of its parts; refused if it is not one of ours."""
        whole = _decoded(cursor)
        signature, text = whole[:SIGNATURE_BYTES], whole[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(text)):
            raise InvalidFields(cursor="not-a-cursor")
        return read(*json.loads(text))

    def page(
        self, rows: list[RowT], limit: int, place: Callable[[RowT], Place]
    ) -> tuple[list[RowT], str | None]:
        """The first `limit` rows, and the cursor if there was one more."""
        if len(rows) <= limit:
            return rows, None
        return rows[:limit], self.write(place(rows[limit - 1]))

    def whole(
        self, rows: Sequence[RowT], query: ListQuery, name: Callable[[RowT], object]
    ) -> Page[RowT]:
        """The page that is asked for, of a list that is known whole and in its order.

        It begins behind the row that the last page ended with, or where that row stood.
        """
        start = 0
        if query.cursor:
            start, last = self.read(query.cursor, lambda at, last: (int(at), str(last)))
            names = [str(name(row)) for row in rows]
            start = names.index(last) + 1 if last in names else start
        end = start + query.limit
        shown, more = list(rows[start:end]), len(rows) > end
        cursor = self.write([end, str(name(shown[-1]))]) if more else None
        return Page(items=shown, next_cursor=cursor)

    def _sign(self, text: bytes) -> bytes:
        digest = hmac.digest(self._key, self._label + text, hashlib.sha256)
        return digest[:SIGNATURE_BYTES]


def _decoded(cursor: str) -> bytes:
    """The bytes of a text that may be anything; none if it is not even base64."""
    try:
        return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        return b""


def _cursors(request: Request, user: TheUser, system: TheSystem) -> Cursors:
    key = system.instance_keys.get("cursor")
    return Cursors(key, team_id=user.team_id, listed=request.url.path)


TheCursors = Annotated[Cursors, Depends(_cursors)]
