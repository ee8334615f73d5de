"""The hash under which bot tokens are known: HMAC-SHA256 (RFC 2104)."""

from __future__ import annotations

from hashlib import sha256

BLOCK = 64  # bytes of SHA-256


class TokenHash:
    """HMAC under one key, whose two blocks are hashed once for all.

    `hmac.digest` has OpenSSL look for the algorithm at each call: three times the price.
    """

    def __init__(self, key: bytes) -> None:
        block = (key if len(key) <= BLOCK else sha256(key).digest()).ljust(BLOCK, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def __call__(self, token: bytes) -> str:
        """The token's hash, in hexadecimal digits."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(token)
        outer.update(inner.digest())
        return outer.hexdigest()
