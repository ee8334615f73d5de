"""Frames of RFC 6455, written by hand: tests do not trust the library that reads them."""

from __future__ import annotations

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MASK = b"\x37\xfa\x21\x3d"  # that of the RFC's examples


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    masked: bool = True,
    rsv: int = 0,
    size: int | None = None,
) -> bytes:
    """A frame; `size` is what it claims to hold."""
    length = len(payload) if size is None else size
    first = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if masked else 0
    if length < 126:
        head = first + bytes([bit | length])
    elif length < 1 << 16:
        head = first + bytes([bit | 126]) + length.to_bytes(2, "big")
    else:
        head = first + bytes([bit | 127]) + length.to_bytes(8, "big")
    if not masked:
        return head + payload
    hidden = bytes(byte ^ MASK[place % 4] for place, byte in enumerate(payload))
    return head + MASK + hidden


def closing(code: int, reason: bytes = b"", *, masked: bool = True) -> bytes:
    """A Close frame."""
    return frame(CLOSE, code.to_bytes(2, "big") + reason, masked=masked)
