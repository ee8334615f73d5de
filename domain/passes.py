"""Check passes: short-lived tokens with which the worker asks the proxy to try one key.

`cbk_` and base64url of: key id (16 bytes), end (8 bytes, seconds since 1970, big-endian),
HMAC-SHA-256 of both under an instance key that only the worker and the proxy can read.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from uuid import UUID

from domain.base64url import bytes_of, text_of

PREFIX = "cbk_"
_BODY = 24
_LENGTH = _BODY + 32


def make_pass(key_id: UUID, *, ends_at: int, secret: bytes) -> str:
    """A pass for this key that ends at that second."""
    body = key_id.bytes + ends_at.to_bytes(8, "big")
    return PREFIX + text_of(body + _seal(body, secret))


def key_of_pass(token: str, *, now: int, secret: bytes) -> UUID | None:
    """Which key the pass is for; None if it is not one of ours, or has ended."""
    if not token.startswith(PREFIX):
        return None
    try:
        raw = bytes_of(token.removeprefix(PREFIX))
    except ValueError:
        return None
    body = raw[:_BODY]
    if len(raw) != _LENGTH or not hmac.compare_digest(raw[_BODY:], _seal(body, secret)):
        return None
    if int.from_bytes(body[16:], "big") <= now:
        return None
    return UUID(bytes=body[:16])


def _seal(body: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, body, sha256)
