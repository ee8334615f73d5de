"""Where one event of a stream ends and the next begins, and how another is written.

`split` gives the bytes back as they came, cut behind whole events only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, Protocol

import orjson

LONGEST = 1024 * 1024  # bytes of an event that waits for its end
BOM = b"\xef\xbb\xbf"


class Frame(NamedTuple):
    """One event to be written: its name, where events have names, and its JSON."""

    data: dict[str, Any]
    name: str | None = None
    lines: bytes = b""  # more of it, before the data


DONE: Final = Frame({})  # the end that is no JSON: `[DONE]`

_BORDER = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BRACKETS = re.compile(rb'[{}\[\]]|"(?:[^"\\]++|\\.)*+("?)', re.DOTALL)


class Framing(Protocol):
    """One way to put JSON after JSON."""

    broken: bool  # an event was passed on before its end

    def split(self, piece: bytes) -> list[bytes]:
        """The events that are whole by now, in their order."""

    def rest(self) -> bytes:
        """The begun event, which is forgotten."""

    def read(self, event: bytes) -> dict[str, Any] | Frame | None:
        """What a whole event says; None if that is no object."""

    def write(self, frames: Iterable[Frame]) -> bytes:
        """The events' bytes, to stand behind the last whole one, and the stream's end."""


class _Waiting:
    """Holds back the begun event."""

    def __init__(self) -> None:
        self.broken = False
        self._part = b""

    def rest(self) -> bytes:
        part, self._part = self._part, b""
        return part

    def _keep(self, events: list[bytes], part: bytes) -> list[bytes]:
        self._part = part
        if len(part) > LONGEST:
            self.broken = True
            events.append(self.rest())
        elif events:
            self.broken = False
        return events


class Events(_Waiting):
    """Server-sent events: each ends with a blank line."""

    def split(self, piece: bytes) -> list[bytes]:
        data = self._part + piece
        events, start = [], 0
        for border in _BORDER.finditer(data, max(0, len(self._part) - 3)):
            if border.end() == len(data) and border[0].endswith(b"\n\r"):
                break  # the other half of a CRLF is still to come
            events.append(data[start : border.end()])
            start = border.end()
        return self._keep(events, data[start:])

    def read(self, event: bytes) -> dict[str, Any] | Frame | None:
        lines = _LINE_END.split(event.removeprefix(BOM))
        data = b"\n".join(line[5:] for line in lines if line.startswith(b"data:")).strip()
        return DONE if data.startswith(b"[DONE]") else _object(data)

    def write(self, frames: Iterable[Frame]) -> bytes:
        return b"".join(map(_written, frames))


class Lines(_Waiting):
    """One object a line."""

    def split(self, piece: bytes) -> list[bytes]:
        *whole, part = (self._part + piece).split(b"\n")
        return self._keep([line + b"\n" for line in whole], part)

    def read(self, event: bytes) -> dict[str, Any] | Frame | None:
        return _object(event.removeprefix(BOM).strip())

    def write(self, frames: Iterable[Frame]) -> bytes:
        return b"".join(orjson.dumps(frame.data) + b"\n" for frame in frames)


class Elements(_Waiting):
    """One array whose elements come one by one; a piece ends with the element's brace."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = False  # the array's bracket was given back
        self._count = 0  # elements that were read
        self._closed = False  # so was the last bracket

    def split(self, piece: bytes) -> list[bytes]:
        if self.broken:  # for good: who knows how deep we are
            return [piece]
        data = self._part + piece
        events, start, depth = [], 0, int(self._begun)
        for found in _BRACKETS.finditer(data):
            first = found[0][:1]
            if first == b'"':
                if not found[1]:
                    break  # it goes on in the next piece
            elif first in b"{[":
                depth += 1
            else:
                depth -= 1
                if depth <= 1:
                    events.append(data[start : found.end()])
                    start, self._begun = found.end(), depth == 1
        return self._keep(events, data[start:])

    def read(self, event: bytes) -> dict[str, Any] | Frame | None:
        found = event.removeprefix(BOM).strip()
        if found == b"]":
            self._closed = True
            return None
        self._closed = not self._count and found[:1] != b"["  # no array: an error, say
        self._count += 1
        return _object(found[1:] if found[:1] in {b"[", b","} else found)

    def write(self, frames: Iterable[Frame]) -> bytes:
        if self._closed:
            return b""
        written = b"".join(
            (b",\n" if self._count + number else b"[") + orjson.dumps(frame.data)
            for number, frame in enumerate(frames)
        )
        return written + b"]" if written or self._count else b"[]"


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        read = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return read if type(read) is dict else None


def _written(frame: Frame) -> bytes:
    if frame is DONE:
        return b"data: [DONE]\n\n"
    name = b"" if frame.name is None else b"event: " + frame.name.encode() + b"\n"
    return name + frame.lines + b"data: " + orjson.dumps(frame.data) + b"\n\n"
