"""Framers: cut an answer's bytes into whole JSON texts for a tally.

`EventStream` reads server-sent events (WHATWG HTML, "Server-sent events"): LF, CRLF or CR,
borders of chunks anywhere, comments, byte order marks, events over several data lines, and
a last event without its blank line. A data line that is a whole JSON object is taken at
once. Beyond the standard, a raw JSON object without `data:` is taken too: Gemini sends
errors so. What is too long is dropped and reading goes on behind it.
"""

from __future__ import annotations

import re

from proxy.usage.reading import Reading, Tally
from proxy.usage.runs import END, LEAST, read_run

EVENT_CAP = 1024 * 1024  # bytes
IMAGE_CAP = 16 * 1024 * 1024  # bytes of an event that may hold a picture
BODY_CAP = 32 * 1024 * 1024  # bytes

BOM = b"\xef\xbb\xbf"
_LF, _CR = 0x0A, 0x0D
_RUNS = 3  # that are looked for in what came at once
_DROPPED = b":"  # a comment
_DONE, _USUAL_DONE = b"[DONE]", b"data: [DONE]"
_EVENTS = re.compile(rb"\s*+(?:data|event|id|retry)?:")
_DONE_BEGUN = re.compile(rb"data: {0,8}\[DONE\]")


class Framer:
    """A reader that hands what it framed to a tally."""

    def __init__(self, tally: Tally, requested_model: str | None) -> None:
        self._tally = tally
        self._requested_model = requested_model
        self._closed = False

    @property
    def ended(self) -> bool:
        return self._tally.ended

    @property
    def output_bytes(self) -> int:
        """UTF-8 of what was generated, in what was fed."""
        return self._tally.output_bytes

    def reading(self) -> Reading:
        return self._tally.reading(self._requested_model)


class EventStream(Framer):
    """Reads server-sent events."""

    def __init__(
        self, tally: Tally, requested_model: str | None, *, cap: int = EVENT_CAP
    ) -> None:
        super().__init__(tally, requested_model)
        self._cap = cap
        self._rest = bytearray()  # a line that has not ended
        self._too_long = False  # that line is being dropped
        self._after_cr = False  # a LF that comes next belongs to the CR before
        self._held = bytearray()  # lines of one event that is no JSON yet
        self._held_lines = 0
        self._raw = False  # the held lines have no `data:`

    def feed(self, chunk: bytes) -> None:
        if self._after_cr:
            chunk = self._behind_cr(chunk)
        if not chunk or self._closed:
            return
        if len(chunk) >= LEAST and self._tally.runs:
            chunk = self._behind_runs(chunk)
        self._feed(chunk)

    def _behind_runs(self, chunk: bytes) -> bytes:
        """Read ahead as far as many events are alike; what is left of the chunk."""
        if b"\r" in chunk or len(chunk) > self._cap:
            return chunk
        for _ in range(_RUNS):
            end = chunk.find(END) + len(END)
            if len(chunk) < LEAST or end < len(END):
                break
            left = chunk
            if not (self._rest or self._too_long or self._held):
                left = read_run(chunk, self._tally, self._feed)
            if left is chunk:
                self._feed(chunk[:end])
                left = chunk[end:]
            chunk = left
        return chunk

    def _feed(self, chunk: bytes) -> None:
        if not chunk:
            return
        lines = chunk.splitlines()  # of bytes: at LF, CRLF and CR, at nothing else
        tail = b"" if chunk[-1] == _LF else self._tail(lines, chunk[-1])
        if self._rest or self._too_long or len(chunk) > self._cap:
            lines = self._mended(lines)
        event = self._tally.event
        for line in lines:
            if self._held or line[:5] != b"data:":
                if line or self._held:
                    self._unusual(line)
            elif line == _USUAL_DONE:  # to learn that this is no object takes far longer
                self._tally.done()
            elif not event(line[5:]):
                self._no_object(line[5:])
        if tail:
            self._keep(tail)

    def end(self) -> None:
        if self._closed:
            return
        if self._rest:
            self.feed(b"\n")
        self._closed = True
        self._flush()

    def _no_object(self, data: bytes) -> None:
        if data.lstrip().startswith(_DONE):
            self._tally.done()
        else:
            self._hold(data)

    def _unusual(self, line: bytes) -> None:
        """Take a line that is not the only data line of its event."""
        line = line.removeprefix(BOM)
        if not line:
            self._flush()
        elif line.startswith(b"data:"):
            if self._raw:
                self._flush()
            if self._held:
                self._hold(line[5:])
            elif not self._tally.event(line[5:]):
                self._no_object(line[5:])
        elif self._raw or (line[:1] == b"{" and not self._held):
            self._raw = True
            self._hold(line)

    def _hold(self, data: bytes) -> None:
        self._held += data + b"\n"
        self._held_lines += 1
        if len(self._held) > self._cap:
            self._held.clear()
            self._held_lines = 0

    def _flush(self) -> None:
        """The event has ended: take what is held of it, if it can be read now."""
        if self._raw or self._held_lines > 1:
            self._tally.event(bytes(self._held))
        self._held.clear()
        self._held_lines = 0
        self._raw = False

    def _keep(self, tail: bytes) -> None:
        if self._too_long:
            return
        self._rest += tail
        if len(self._rest) > self._cap:
            self._rest.clear()
            self._too_long = True
        elif tail[-1:] == b"]" and not self._held and _DONE_BEGUN.fullmatch(self._rest):
            self._tally.done()  # clients may act on it before its line ends

    def _behind_cr(self, chunk: bytes) -> bytes:
        if chunk:
            self._after_cr = False
        return chunk.removeprefix(b"\n")

    def _tail(self, lines: list[bytes], last: int) -> bytes:
        """Take the line that has not ended off the lines."""
        if last != _CR:
            return lines.pop()
        self._after_cr = True
        return b""

    def _mended(self, lines: list[bytes]) -> list[bytes]:
        """The first line with what came of it before, and no line that is too long."""
        if not lines:
            return lines
        if self._too_long:
            lines[0], self._too_long = _DROPPED, False
        elif self._rest:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
        return [line if len(line) <= self._cap else _DROPPED for line in lines]


class WholeBody(Framer):
    """Reads a body that is one JSON text, perhaps behind blank lines or a BOM.

    Some servers send their events under another content type: those are read at the end.
    """

    def __init__(
        self, tally: Tally, requested_model: str | None, *, cap: int = BODY_CAP
    ) -> None:
        super().__init__(tally, requested_model)
        self._body = bytearray()
        self._cap = cap
        self._read = False

    @property
    def ended(self) -> bool:
        return False

    def feed(self, chunk: bytes) -> None:
        if self._closed:
            return
        self._body += chunk
        if len(self._body) > self._cap:
            self._closed = True
            self._body = bytearray()

    def end(self) -> None:
        self._parse()
        self._closed = True
        self._body = bytearray()

    def reading(self) -> Reading:
        if not self._read:
            self._parse()
        return self._tally.reading(self._requested_model)

    def _parse(self) -> None:
        """Read the body once it is whole; part of a JSON text tells nothing."""
        if self._read or not self._body:
            return
        if self._body.startswith(BOM):
            del self._body[: len(BOM)]
        self._read = self._tally.body(self._body)
        if not self._read and _EVENTS.match(self._body):
            self._read = True
            events = EventStream(self._tally, self._requested_model, cap=self._cap)
            events.feed(bytes(self._body))
            events.end()
