"""How long an upstream may take, and how much it may send."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long and how much (security-baseline, section 3). Times are in seconds."""

    connect: float = 5.0  # TCP and TLS together
    first_byte: float = 60.0  # from the last piece of the request to the end of the headers
    idle: float = 60.0  # between two pieces, while the reader keeps up
    total: float = 600.0  # the whole call
    keepalive: float = 4.0  # how long an unused connection is kept, if nothing is said
    longest_keepalive: float = 60.0  # whatever is said
    max_idle: int = 256  # unused connections kept per origin and address
    header_bytes: int = 32 * 1024  # also trailers, and framing that brings no body
    answer_bytes: int = 32 * 1024 * 1024  # of an answer that is not an event stream
    unread_bytes: int = 256 * 1024  # more than this unread, and reading pauses
