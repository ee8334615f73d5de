"""The key mask: what an upstream sends back never shows the key that was sent to it."""

from __future__ import annotations


class KeyMask:
    """Replaces each occurrence of a key in passing bytes by as many `*`, whatever the cuts.

    Held back is only a tail that the key could start with, so at most one byte less than
    the key is long, and for ordinary bytes nothing. An empty key masks nothing.
    """

    __slots__ = ("_held", "_secret", "_stars")

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._stars = b"*" * len(secret)
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """The bytes that may pass now; the rest waits for the next call or `flush`."""
        secret = self._secret
        if not secret:
            return chunk
        if self._held:
            chunk = self._held + chunk
            self._held = b""
        # What follows the last match is looked at before the stars go in: a key may hold *.
        rest = chunk
        if secret in chunk:
            parts = chunk.split(secret)
            rest = parts[-1]
            chunk = self._stars.join(parts)
        if rest and rest[-1] not in secret:
            return chunk  # as nearly always: no beginning of the key ends so
        start = rest.find(secret[:1], max(0, len(rest) - len(secret) + 1))
        while start != -1:
            if secret.startswith(rest[start:]):
                self._held = rest[start:]
                return chunk[: len(chunk) - len(self._held)]
            start = rest.find(secret[:1], start + 1)
        return chunk

    def whole(self, text: bytes) -> bytes:
        """A text that is all there, such as a header's value, masked."""
        return text.replace(self._secret, self._stars) if self._secret else text

    def flush(self) -> bytes:
        """The bytes still held, now that nothing follows them."""
        held, self._held = self._held, b""
        return held
