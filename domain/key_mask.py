"""The key mask: what an upstream sends back never shows the key that was sent to it.

A key of letters, digits and `-._~` is written in one way only. Any other may come back as
JSON writers have it that escape more than they must (PHP `/`; Go `&<>`; Gson also `='`;
.NET also `+` and the backtick), or as it stands in a URL: each of these is masked too.
"""

from __future__ import annotations

import re
from itertools import product
from urllib.parse import quote_from_bytes

LEAST_HIDDEN = 8  # bytes of a key's beginning, where an answer breaks off in it
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_HEXED = (b"", b"&<>", b"&<>='", b"\"&'+<>`")  # by one JSON writer or another
_DIGITS = (rb"\u%04x", rb"\u%04X")
_SLASHES = (b"/", rb"\/")
_IN_URL = re.compile(rb"%[0-9A-F]{2}")


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
        """The bytes still held, now that nothing follows; masked, if they tell much."""
        held, self._held = self._held, b""
        return held if len(held) < LEAST_HIDDEN else b"*" * len(held)


class _EachFormMasked(KeyMask):
    """The same for a key that can be written in several ways, one after the other."""

    __slots__ = ("_masks",)

    def __init__(self, forms: tuple[bytes, ...]) -> None:
        super().__init__(forms[0])
        self._masks = tuple(map(KeyMask, forms))

    def feed(self, chunk: bytes) -> bytes:
        for mask in self._masks:
            chunk = mask.feed(chunk)
        return chunk

    def whole(self, text: bytes) -> bytes:
        for mask in self._masks:
            text = mask.whole(text)
        return text

    def flush(self) -> bytes:
        rest = b""
        for mask in self._masks:
            rest = mask.feed(rest) + mask.flush()
        return rest


def mask_of(secret: bytes) -> KeyMask:
    """A mask of the key, however it is written."""
    if not secret.translate(None, _PLAIN):
        return KeyMask(secret)
    return _EachFormMasked(forms_of(secret))


def forms_of(secret: bytes) -> tuple[bytes, ...]:
    """The ways in which the key may be written; the first is as it is."""
    in_url = quote_from_bytes(secret, safe="").encode()
    lower = _IN_URL.sub(lambda found: found[0].lower(), in_url)
    hexed = {bytes(filter(secret.__contains__, those)) for those in _HEXED}
    in_json = (_in_json(secret, *way) for way in product(hexed, _DIGITS, _SLASHES))
    return tuple(dict.fromkeys((secret, *in_json, in_url, lower)))


def _in_json(secret: bytes, hexed: bytes, digits: bytes, slash: bytes) -> bytes:
    """By a writer that writes these in hexadecimal digits, and a slash like this."""
    written = secret.replace(b"\\", rb"\\")
    for byte in hexed:
        written = written.replace(bytes((byte,)), digits % byte)
    return written.replace(b'"', rb"\"").replace(b"/", slash)
