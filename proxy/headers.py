"""Headers in both directions: built from lists of what may pass, never copied."""

from __future__ import annotations

import re
from functools import lru_cache
from uuid import UUID

import orjson

from domain.catalog import WEBSOCKET, Auth, Vendor
from proxy.answer import Answer
from proxy.incoming import Incoming
from proxy.mask import KeyMask
from proxy.realtime.handshake import opening

_UNPRINTABLE = re.compile(r"[^!-~]")


def going_up(
    incoming: Incoming, vendor: Vendor, auth: Auth, secret: bytes
) -> list[tuple[bytes, bytes]]:
    """What is sent to the vendor: what it may know of the client's headers, and our key."""
    sent = incoming.headers
    passing, fixed = _of_vendor(vendor)
    headers = [(name, sent[name]) for name in passing if name in sent]
    if fixed:
        present = {name for name, _ in headers}
        headers += [header for header in fixed if header[0] not in present]
    value = b"Bearer " + secret if auth.scheme == "bearer" else secret
    headers.append((_lower(auth.header), value))
    if incoming.method == WEBSOCKET:
        headers += opening(sent)
    return headers


@lru_cache(maxsize=256)
def _of_vendor(
    vendor: Vendor,
) -> tuple[tuple[bytes, ...], tuple[tuple[bytes, bytes], ...]]:
    """Names of headers that may pass, and headers that are sent unless one did."""
    passing = tuple(name.encode() for name in vendor.pass_headers)
    fixed = vendor.fixed_headers.items()
    return passing, tuple((_lower(name), value.encode()) for name, value in fixed)


@lru_cache(maxsize=256)
def _lower(name: str) -> bytes:
    return name.lower().encode()


def coming_back(
    answer: Answer, vendor: Vendor, call: list[tuple[bytes, bytes]], mask: KeyMask
) -> list[tuple[bytes, bytes]]:
    """What the client is told: the vendor's headers that may pass, and ours of the call."""
    passes = vendor.back_headers.passes
    headers = [(name, mask.whole(value)) for name, value in answer.headers if passes(name)]
    headers.extend(call)
    return headers


def content_type(answer: Answer) -> str:
    """What the vendor says that its answer is."""
    for name, value in answer.headers:
        if name == b"content-type":
            return value.decode("latin-1")
    return ""


def of_call(
    call_id: UUID, *, vendor: str = "", model: str | None = None, attempts: int = 0
) -> list[tuple[bytes, bytes]]:
    """Our own headers on every answer of the proxy."""
    told = orjson.dumps(call_id)[1:-1]  # a third of what `str` takes
    return [
        (b"x-call-id", told),
        (b"x-request-id", told),
        *_of_many(vendor, model, attempts),
    ]


@lru_cache(maxsize=1024)
def _of_many(
    vendor: str, model: str | None, attempts: int
) -> tuple[tuple[bytes, bytes], ...]:
    """What many calls have in common."""
    return (
        (b"x-clawbot-vendor", vendor.encode("latin-1", "replace")),
        (b"x-clawbot-model", _printable(model or "").encode()),
        (b"x-clawbot-attempts", str(attempts).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    )


def _printable(text: str) -> str:
    """A model's name comes from the caller: nothing in it may end a header."""
    return _UNPRINTABLE.sub("?", text[:200])
