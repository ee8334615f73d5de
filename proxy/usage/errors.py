"""Vendors' errors: the value of an `error` field, and the bodies of failed answers.

Seen shapes: OpenAI's and Anthropic's `{"error": {...}}`, Gemini's (also as a one-element
array), Mistral's flat object, FastAPI's `detail`, MiniMax's `base_resp`, a bare string.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from proxy.usage.reading import ErrorSeen, Tally, Where
from proxy.usage.shapes import UNREADABLE, Bytes, Shape, shaped

LARGEST_ERROR = 64 * 1024  # bytes; a longer one is noted, not read
LONGEST_TEXT = 1000  # characters

Code = str | int | None
_BLANK = frozenset({b"", b"null", b"false", b'""', b"{}", b"[]"})


class _Detail(Shape):
    reason: str | None = None
    error_code: str | None = None


class _Error(Shape):
    type: str | None = None
    code: Code = None
    message: str | None = None
    status: str | None = None
    details: list[_Detail] | _Detail | None = None


class BaseResp(Shape):
    """MiniMax: an error inside an answer of status 200."""

    status_code: int | None = None
    status_msg: str | None = None


class _Complaint(Shape):
    msg: str | None = None


class _Body(Shape):
    error: Raw = Raw()
    type: str | None = None
    code: Code = None
    message: str | None = None
    detail: str | list[_Complaint] | None = None
    base_resp: BaseResp | None = None


_read_error = shaped(_Error)
_read_body = shaped(_Body)
_read_text = msgspec.json.Decoder(str).decode
_read_list = msgspec.json.Decoder(list[Raw]).decode


def seen(type_: str | None, code: Code, message: str | None, where: Where) -> ErrorSeen:
    """The error, its texts cut to a length that can be stored."""
    return ErrorSeen(
        type=type_ and type_[:LONGEST_TEXT],
        code=code[:LONGEST_TEXT] if isinstance(code, str) else code,
        message=message and message[:LONGEST_TEXT],
        where=where,
    )


def error_in(value: Raw, where: Where) -> ErrorSeen | None:
    """The error that the value of an `error` field tells of; None when it tells of none."""
    if len(value) > LARGEST_ERROR:
        return seen(None, None, None, where)
    data = bytes(value)
    if data in _BLANK:
        return None
    error = _read_error(data)
    if error is None:
        return seen(None, None, _text(data), where)
    code = _detailed_code(error.details) or error.code
    type_ = error.type or error.status
    if not (type_ or code or error.message):
        return None
    return seen(type_, code, error.message, where)


def base_error(base: BaseResp | None) -> ErrorSeen | None:
    """MiniMax's error, if it is one."""
    if base is None or not base.status_code:
        return None
    return seen(None, base.status_code, base.status_msg, "http_body")


def _detailed_code(details: list[_Detail] | _Detail | None) -> str | None:
    """Gemini's `details[].reason`, Anthropic's `details.error_code`: finer than `code`."""
    listed = details if isinstance(details, list) else [details] if details else []
    return next(
        (d.reason or d.error_code for d in listed if d.reason or d.error_code), None
    )


def _text(data: Bytes) -> str | None:
    try:
        return _read_text(data)
    except UNREADABLE:
        return None


class Failure(Tally):
    """An answer whose status is no success: an error, whatever its body says; no usage."""

    def __init__(self) -> None:
        self.error = seen(None, None, None, "http_body")

    def event(self, data: bytes) -> bool:
        return self.body(data)

    def body(self, data: bytes | bytearray) -> bool:
        read = _read_body(_first_of(data))
        if read is None:
            return False
        found = error_in(read.error, "http_body") or base_error(read.base_resp)
        self.error = found or seen(
            read.type, read.code, read.message or _complaint(read.detail), "http_body"
        )
        return True


def _first_of(data: bytes | bytearray) -> Bytes:
    """The first element of an array (Gemini wraps errors so), else the data as it is."""
    if data.lstrip()[:1] != b"[":
        return data
    try:
        elements = _read_list(data)
    except UNREADABLE:
        return data
    return elements[0] if elements else data


def _complaint(detail: str | list[_Complaint] | None) -> str | None:
    if isinstance(detail, list):
        return detail[0].msg if detail else None
    return detail
