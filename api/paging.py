"""Cursors: where the next page begins, signed for one team and one list."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

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

    def _sign(self, text: bytes) -> bytes:
        digest = hmac.digest(self._key, self._label + text, hashlib.sha256)
        return digest[:SIGNATURE_BYTES]


def _decoded(cursor: str) -> bytes:
    """The bytes of a text that may be anything; none if it is not even base64."""
    try:
        return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        return b""
