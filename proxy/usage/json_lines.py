"""Streams of JSON, one object a line (NDJSON): Ollama's.

White space around an object, CR before LF and blank lines are nothing. What is too long is
dropped and reading goes on behind it.
"""

from __future__ import annotations

from proxy.usage.framing import BOM, EVENT_CAP, Framer
from proxy.usage.reading import Tally

_LOOKS = 16  # how often a line that goes on is tried: a hostile one is nothing but brackets


class JsonLines(Framer):
    """Takes each line as an event."""

    def __init__(self, tally: Tally, requested_model: str | None) -> None:
        super().__init__(tally, requested_model)
        self._rest = bytearray()  # a line that has not ended
        self._too_long = False  # that line is being dropped
        self._looks = _LOOKS
        self._at_last = False  # that line is the last one already, but for its end

    @property
    def ended(self) -> bool:
        return self._at_last or self._tally.ended

    def feed(self, chunk: bytes) -> None:
        if self._closed or not chunk:
            return
        first, *lines = chunk.split(b"\n")
        if not lines:
            self._keep(first)
            return
        self._take(bytes(self._rest) + first)
        self._rest.clear()
        self._too_long, self._looks, self._at_last = False, _LOOKS, False
        rest = lines.pop()
        for line in lines:
            self._take(line)
        self._keep(rest)

    def end(self) -> None:
        if not self._closed:
            self.feed(b"\n")
        self._closed = True

    def _take(self, line: bytes) -> None:
        if not self._too_long and 1 < len(line) <= EVENT_CAP:
            self._tally.event(line.removeprefix(BOM))

    def _keep(self, piece: bytes) -> None:
        if self._too_long or not piece:
            return
        self._rest += piece
        if len(self._rest) > EVENT_CAP:
            self._rest.clear()
            self._too_long, self._at_last = True, False
            return
        if piece.isspace():
            return
        self._at_last = False
        if self._looks and piece.rstrip()[-1:] == b"}":
            self._looks -= 1  # clients may act on it before its line ends
            self._at_last = self._tally.is_last(bytes(self._rest))
