"""A request's head: one strict grammar (RFC 9112), read in one pass.

What is not exactly this is refused, never mended: two readers that mend differently are how
requests are smuggled. Stricter than the RFC: no blank line before the request line, no
absolute or `*` target, no second Content-Length even if equal, Host in 1.0 too, and no
upgrade but a WebSocket's (`upgrade.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from adapters.http.bodies import Chunked, Framing, Sized
from adapters.http.limits import HttpLimits
from adapters.http.opening import judge_opening
from adapters.http.refusals import Refusal

END = b"\r\n\r\n"
_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
FIELD = _NAME + rb":[\t -~\x80-\xff]*+\r\n"
# Possessive: no byte is looked at twice, whatever comes.
_HEAD = re.compile(
    rb"(?!CONNECT |TRACE )([A-Z]{1,20}+) (/[!\"$-~]*+) HTTP/1\.([01])\r\n((?:%s)*+)\r\n"
    % FIELD
)
_FIELDS = re.compile(rb"([^:]++):([^\r]*+)\r\n")
_HOST = re.compile(
    rb"(?:[0-9A-Za-z][0-9A-Za-z._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
)
_LENGTH = re.compile(rb"[0-9]{1,15}")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_BLANKS = b" \t"
_ONCE = (b"host", b"content-length", b"transfer-encoding", b"expect")
_LONGEST_LINE = 20 + len(b"  HTTP/1.1\r\n")  # but for its target


@dataclass(slots=True)  # not frozen: that costs 1 µs a request
class Head:
    """What the request line and the headers say."""

    method: str
    target: bytes  # as it came, within printable ASCII
    minor: int  # HTTP/1.minor
    headers: list[tuple[bytes, bytes]]  # names in lower case, in the order they came
    framing: Framing | None  # None: there is no body
    keep_alive: bool
    expects_continue: bool
    upgrades: bool = False  # to a WebSocket, where there may be one


def read_head(block: bytes, limits: HttpLimits) -> Head:
    """The head in this block, which ends with the first blank line; raises `Refusal`."""
    if len(block) > limits.head_bytes:
        raise Refusal(431)
    found = _HEAD.fullmatch(block)
    if found is None:
        raise Refusal(414 if _first_line_is_long(block, limits) else 400)
    method, target, minor, fields = found.groups()
    if len(target) > limits.target_bytes:
        raise Refusal(414)
    headers = [(n.lower(), v.strip(_BLANKS)) for n, v in _FIELDS.findall(fields)]
    if len(headers) > limits.headers:
        raise Refusal(431)
    named = dict(headers)
    if len(named) < len(headers):
        named[b"connection"] = _connection_of_repeating(headers)
    if not _HOST.fullmatch(named.get(b"host", b"")):
        raise Refusal(400)
    is_current = minor == b"1"
    if b"upgrade" in named:
        if not is_current:
            raise Refusal(400)
        judge_opening(method, target, headers, named, limits)
        return Head("GET", target, 1, headers, None, False, False, True)  # noqa: FBT003
    return Head(
        method.decode("ascii"),
        target,
        1 if is_current else 0,
        headers,
        _framing(named, is_current=is_current),
        _stays(named.get(b"connection")) and is_current,
        _continues(named.get(b"expect")) and is_current,
    )


def decoded(raw_path: bytes) -> str:
    """To find a route with, never to decide on (E3)."""
    path = raw_path.decode("ascii")
    return unquote(path) if "%" in path else path


def judge_beginning(begun: bytes, searched: int, limits: HttpLimits) -> None:
    """What can be said of half a head, is: raises `Refusal`. So much was judged before."""
    if _first_line_is_long(begun, limits):
        raise Refusal(414)
    if len(begun) > limits.head_bytes:
        raise Refusal(431)
    if not begun[:1].isupper() or _BARE_LF.search(begun, searched):
        raise Refusal(400)


def _first_line_is_long(begun: bytes, limits: HttpLimits) -> bool:
    """Whether the first line, as far as it has come, has no room for a shorter target."""
    longest = limits.target_bytes + _LONGEST_LINE
    return len(begun) >= longest and begun.find(b"\r\n", 0, longest) < 0


def _connection_of_repeating(headers: list[tuple[bytes, bytes]]) -> bytes:
    """All that Connection says, where some name repeats; one that decides must not."""
    names = [name for name, _ in headers]
    if any(names.count(name) > 1 for name in _ONCE):
        raise Refusal(400)
    return b",".join(value for name, value in headers if name == b"connection")


def _framing(named: dict[bytes, bytes], *, is_current: bool) -> Framing | None:
    """How the body is framed, which one header says in one way."""
    length, coding = named.get(b"content-length"), named.get(b"transfer-encoding")
    if coding is not None:
        if length is not None or not is_current or coding.lower() != b"chunked":
            raise Refusal(400)
        return Chunked()
    if length is None:
        return None
    if not _LENGTH.fullmatch(length):
        raise Refusal(400)
    size = int(length)
    return Sized(size) if size else None


def _stays(connection: bytes | None) -> bool:
    """Whether the client lets the connection live on."""
    if connection is None or connection == b"keep-alive":
        return True
    options = [option.strip(_BLANKS) for option in connection.lower().split(b",")]
    if b"upgrade" in options:
        raise Refusal(400)
    return b"close" not in options


def _continues(expect: bytes | None) -> bool:
    """Whether the client waits to be told to send its body."""
    if expect is not None and expect.lower() != b"100-continue":
        raise Refusal(400)
    return expect is not None
