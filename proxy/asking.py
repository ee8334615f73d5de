"""Asks an OpenAI-style stream for its usage where the client did not, and hides the answer.

Without `stream_options.include_usage` such a stream tells no usage at all. The request is
changed in that one field, every other byte stays; the one event that comes of it (no
choices, only usage) is withheld from the client. Both are listed in `CallAdmitted.changes`.
"""

from __future__ import annotations

import re

import msgspec

INCLUDE_USAGE = "include_usage"

_BLANKS = b" \t\r\n"  # of JSON
_ALL_OPTIONS = b',"stream_options":{"include_usage":true}}'
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")
# What an event without choices has in it, or one whose JSON goes on in its next line there.
_NO_CHOICES = re.compile(
    rb'"choices"[ \t]*(?:[\r\n]|:[ \t]*(?:[\r\n]|\[[ \t]*(?:[\r\n]|\])))'
)
_LF = 0x0A
_LONGEST_EVENT = 1024 * 1024  # then it is passed on unseen: it is no usage event


class _Chunk(msgspec.Struct):
    choices: list[msgspec.Raw]
    usage: dict[str, msgspec.Raw]


_chunk = msgspec.json.Decoder(_Chunk)


def with_usage_asked(body: bytes, *, has_options: bool = True) -> bytes | None:
    """The body with `include_usage` in it; None if the client asked itself, or cannot.

    `body` is a JSON object with something in it, as `incoming.read_json` has found; where
    no `stream_options` are in it, it is not read again.
    """
    if not has_options:
        return body.rstrip(_BLANKS)[:-1] + _ALL_OPTIONS
    fields = _fields.decode(body)
    raw = fields.get("stream_options")
    if raw is None or bytes(raw) == b"null":
        options: dict[str, msgspec.Raw] = {}
    else:
        try:
            options = _fields.decode(raw)
        except msgspec.DecodeError:
            return None
    if bytes(options.get(INCLUDE_USAGE, b"")) == b"true":
        return None
    options[INCLUDE_USAGE] = msgspec.Raw(b"true")
    fields["stream_options"] = msgspec.Raw(msgspec.json.encode(options))
    return msgspec.json.encode(fields)


class UsageWithheld:
    """Passes a stream's events on, but for the one that only tells usage."""

    __slots__ = ("_part",)

    def __init__(self) -> None:
        self._part = b""

    def feed(self, piece: bytes) -> bytes:
        """The events that are whole by now; the begun one waits for its end."""
        data = self._part + piece if self._part else piece
        if b"\r" in data:
            return self._sifted(data)
        found = _NO_CHOICES.search(data)
        upto = len(data) if found is None else found.start()
        end = data.rfind(b"\n\n", 0, upto) + len(b"\n\n")
        if end <= len(b"\n\n") or data[end - 3] == _LF:  # a blank line too many
            return self._sifted(data)
        if found is not None:
            return data[:end] + self._sifted(data[end:])
        self._part = data[end:]
        return data[:end]

    def _sifted(self, data: bytes) -> bytes:
        """The same, event by event."""
        passing, start = [], 0
        for end in _BLANK_LINE.finditer(data):
            event = data[start : end.end()]
            start = end.end()
            if not _only_usage(event):
                passing.append(event)
        self._part = data[start:]
        if len(self._part) > _LONGEST_EVENT:
            passing.append(self._part)
            self._part = b""
        return b"".join(passing)

    def flush(self) -> bytes:
        """What is left at the end of the stream."""
        part, self._part = self._part, b""
        return b"" if _only_usage(part) else part


def _only_usage(event: bytes) -> bool:
    if b'"usage"' not in event or not _NO_CHOICES.search(event):
        return False
    lines = re.split(rb"\r\n|\n|\r", event)
    data = b"\n".join(line[5:].lstrip(b" ") for line in lines if line.startswith(b"data:"))
    try:
        chunk = _chunk.decode(data)
    except msgspec.DecodeError:
        return False
    return not chunk.choices and bool(chunk.usage)
