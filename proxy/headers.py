"""Headers in both directions: built from lists of what may pass, never copied."""

from __future__ import annotations

import re

from domain.catalog import Auth, Vendor
from proxy.answer import Answer
from proxy.incoming import Incoming
from proxy.mask import KeyMask

_UNPRINTABLE = re.compile(r"[^!-~]")


def going_up(
    incoming: Incoming, vendor: Vendor, auth: Auth, secret: bytes
) -> list[tuple[bytes, bytes]]:
    """What is sent to the vendor: what it may know of the client's headers, and our key."""
    headers = [
        (name.encode(), incoming.headers[name.encode()])
        for name in vendor.pass_headers
        if name.encode() in incoming.headers
    ]
    present = {name for name, _ in headers}
    headers.extend(
        (name.lower().encode(), value.encode())
        for name, value in vendor.fixed_headers.items()
        if name.lower().encode() not in present
    )
    value = b"Bearer " + secret if auth.scheme == "bearer" else secret
    headers.append((auth.header.lower().encode(), value))
    return headers


def coming_back(
    answer: Answer, vendor: Vendor, call: list[tuple[bytes, bytes]], mask: KeyMask
) -> list[tuple[bytes, bytes]]:
    """What the client is told: the vendor's headers that may pass, and ours of the call."""
    headers = [
        (name, mask.whole(value))
        for name, value in answer.headers
        if name in vendor.back_headers
    ]
    headers.extend(call)
    return headers


def content_type(answer: Answer) -> str:
    """What the vendor says that its answer is."""
    for name, value in answer.headers:
        if name == b"content-type":
            return value.decode("latin-1")
    return ""


def of_call(
    call_id: str, *, vendor: str = "", model: str | None = None, attempts: int = 0
) -> list[tuple[bytes, bytes]]:
    """Our own headers on every answer of the proxy."""
    return [
        (b"x-call-id", call_id.encode()),
        (b"x-request-id", call_id.encode()),
        (b"x-clawbot-vendor", vendor.encode("latin-1", "replace")),
        (b"x-clawbot-model", _printable(model or "").encode()),
        (b"x-clawbot-attempts", str(attempts).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    ]


def _printable(text: str) -> str:
    """A model's name comes from the caller: nothing in it may end a header."""
    return _UNPRINTABLE.sub("?", text[:200])
