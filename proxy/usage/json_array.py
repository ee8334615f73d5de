"""Gemini's streams without `alt=sse`: one JSON array whose elements arrive one by one.

The content type is that of a plain body, so the first byte that is not blank decides.
"""

from __future__ import annotations

import re

from proxy.usage.framing import BOM, IMAGE_CAP, Framer, WholeBody
from proxy.usage.reading import Reading, Tally

_QUOTE = 0x22
_OPENING = b"{["
# brackets, and strings as one piece; without its group a string goes on in the next chunk
_OUTSIDE = re.compile(rb'[{}\[\]]|"(?:[^"\\]++|\\.)*+(")?', re.DOTALL)
_INSIDE = re.compile(rb'(?:[^"\\]++|\\.)*+(")?', re.DOTALL)


class JsonArray(Framer):
    """Takes each element as an event when it is whole; one too long is dropped."""

    def __init__(
        self, tally: Tally, requested_model: str | None, *, cap: int = IMAGE_CAP
    ) -> None:
        super().__init__(tally, requested_model)
        self._cap = cap
        self._depth = 0
        self._in_string = False
        self._escaped = False  # the chunk ended behind a backslash
        self._element = bytearray()
        self._too_long = False

    def feed(self, chunk: bytes) -> None:
        if self._closed:
            return
        start = 0  # of the element, as far as it is in this chunk
        at = self._behind_string(chunk) if self._in_string else 0
        while not self._in_string and (found := _OUTSIDE.search(chunk, at)):
            first, at = chunk[found.start()], found.end()
            if first == _QUOTE:
                self._note_string(closed=found[1] is not None, cut=at < len(chunk))
            elif first in _OPENING:
                self._depth += 1
                if self._depth == 2:  # noqa: PLR2004
                    start = found.start()
            else:
                self._depth -= 1
                if self._depth == 1:
                    self._keep(chunk[start:at])
                    self._take()
                elif self._depth < 1:
                    self._closed = True
                    return
        if self._depth > 1:
            self._keep(chunk[start:])

    def end(self) -> None:
        self._closed = True
        self._element.clear()

    def _behind_string(self, chunk: bytes) -> int:
        """Where the string that began in an earlier chunk ends, else the chunk's end."""
        skipped = 1 if self._escaped and chunk else 0
        if skipped:
            self._escaped = False
        found = _INSIDE.match(chunk, skipped)
        if found is None or not chunk:
            return len(chunk)
        self._note_string(closed=found[1] is not None, cut=found.end() < len(chunk))
        return found.end()

    def _note_string(self, *, closed: bool, cut: bool) -> None:
        self._in_string = not closed
        self._escaped = not closed and cut

    def _keep(self, piece: bytes) -> None:
        if self._too_long:
            return
        self._element += piece
        if len(self._element) > self._cap:
            self._too_long = True
            self._element.clear()

    def _take(self) -> None:
        if not self._too_long:
            self._tally.event(bytes(self._element))
        self._too_long = False
        self._element.clear()


class ArrayOrBody(Framer):
    """Reads an array element by element, anything else as a whole body."""

    def __init__(self, tally: Tally, requested_model: str | None) -> None:
        super().__init__(tally, requested_model)
        self._inner: JsonArray | WholeBody | None = None

    @property
    def ended(self) -> bool:
        return self._inner is not None and self._inner.ended

    def feed(self, chunk: bytes) -> None:
        if self._inner is None:
            chunk = chunk.lstrip(BOM + b" \t\r\n")
            if not chunk:
                return
            kind = JsonArray if chunk[:1] == b"[" else WholeBody
            self._inner = kind(self._tally, self._requested_model)
        self._inner.feed(chunk)

    def end(self) -> None:
        if self._inner is not None:
            self._inner.end()

    def reading(self) -> Reading:
        return super().reading() if self._inner is None else self._inner.reading()
