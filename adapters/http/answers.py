"""An answer's bytes: its head, and how its body is framed."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

CHUNKED, UNTIL_CLOSE, SILENT = -1, -2, -3  # a framing; from 0 on: so many bytes to come
LAST_CHUNK = b"0\r\n\r\n"
_BREAKS = b"\r\n\0"
_line = b": ".join  # of a name and a value
_OURS = frozenset({b"connection", b"transfer-encoding"})
_WITHOUT_BODY = frozenset({204, 304})
_FIRST_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode()
    for status in HTTPStatus
}


class NotSendable(Exception):
    """The application's answer is none: a bug of ours."""


def answer_head(
    status: int,
    headers: Iterable[tuple[bytes, bytes]],
    *,
    head_only: bool,
    may_chunk: bool,
    stays: bool,
) -> tuple[bytes, int, bool]:
    """The head, its framing, and whether the connection stays; raises `NotSendable`.

    Headers that are about the connection are ours to write: the application's are used
    (`connection: close`) or left out.
    """
    named = [*headers]
    said = dict(named)
    if not b"".join(said).islower():
        named = [(name.lower(), value) for name, value in named]
        said = dict(named)
    told = named
    if not _OURS.isdisjoint(said):
        told = [one for one in named if one[0] not in _OURS]
    lines = [_FIRST_LINES.get(status) or b"HTTP/1.1 %d " % status, *map(_line, told)]
    length = said.get(b"content-length")
    if head_only or status in _WITHOUT_BODY:
        framing = SILENT
    else:
        framing = UNTIL_CLOSE if length is None else int(length)
    if b"connection" in said:
        stays = stays and not any(
            name == b"connection" and value.lower() == b"close" for name, value in named
        )
    if framing == UNTIL_CLOSE:
        if may_chunk:
            framing = CHUNKED
            lines.append(b"transfer-encoding: chunked")
        else:
            stays = False
    if not stays:
        lines.append(b"connection: close")
    head = b"\r\n".join([*lines, b"", b""])
    if len(head) - len(head.translate(None, _BREAKS)) != 2 * (len(lines) + 1):
        msg = "a header of the answer would break out of its line"
        raise NotSendable(msg)
    return head, framing, stays


def framed(piece: bytes, framing: int, *, last: bool) -> tuple[bytes, int]:
    """The piece as it goes out, and the framing of the rest; raises `NotSendable`."""
    if framing >= 0:
        left = framing - len(piece)
        if left < 0 or (last and left):
            msg = "the answer's body is not as long as its content-length says"
            raise NotSendable(msg)
        return piece, left
    if framing == CHUNKED:
        chunk = b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b""
        return (chunk + LAST_CHUNK if last else chunk), framing
    return (b"" if framing == SILENT else piece), framing
