"""Base64url without padding (RFC 4648, section 5), in its one spelling.

A decoder that is not strict leaves out strange characters and the last one's spare bits:
many texts then pass for one token, and who looks for the token as it was made (to mask it,
say) does not find them.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode


def text_of(raw: bytes) -> str:
    """The spelling."""
    return urlsafe_b64encode(raw).decode().rstrip("=")


def bytes_of(text: str) -> bytes:
    """What it spells, whoever wrote it; `ValueError` for another spelling, or none."""
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if text_of(raw) != text:
        raise ValueError("not the spelling of these bytes")
    return raw
