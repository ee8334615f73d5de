"""Door passes: short-lived tokens with which api and proxy ask the worker.

`cbd_` and base64url of: a letter for the purpose, bot id and team id (16 bytes each, zeros
where the pass names none), end (8 bytes, seconds since 1970, big-endian), HMAC-SHA-256 of
all that under an instance key that only api, proxy and worker can read.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from domain.base64url import bytes_of, text_of

PREFIX = "cbd_"
PASS_SECONDS = 60
_BODY = 1 + 16 + 16 + 8
_LENGTH = _BODY + 32
_NOBODY = UUID(int=0)


class Purpose(StrEnum):
    """What a pass opens."""

    ENGINE = "e"  # what the api asks about containers and channels
    MCP = "m"  # one bot's plugins
    CHANNEL = "c"  # one bot's channels


@dataclass(frozen=True, slots=True)
class DoorPass:
    """Who may ask what: of the relays one bot, of the engine's questions nobody."""

    purpose: Purpose
    bot_id: UUID = _NOBODY
    team_id: UUID = _NOBODY


def make_door_pass(names: DoorPass, *, ends_at: int, secret: bytes) -> str:
    """A token for this pass that ends at that second."""
    body = names.purpose.encode() + names.bot_id.bytes + names.team_id.bytes
    body += ends_at.to_bytes(8, "big")
    return PREFIX + text_of(body + _seal(body, secret))


def read_door_pass(token: str, *, now: int, secret: bytes) -> DoorPass | None:
    """What the token opens; None if it is not one of ours, or has ended."""
    if not token.startswith(PREFIX):
        return None
    try:
        raw = bytes_of(token.removeprefix(PREFIX))
    except ValueError:
        return None
    body = raw[:_BODY]
    if len(raw) != _LENGTH or not hmac.compare_digest(raw[_BODY:], _seal(body, secret)):
        return None
    if int.from_bytes(body[33:], "big") <= now:
        return None
    purpose = Purpose(body[:1].decode())
    return DoorPass(purpose, UUID(bytes=body[1:17]), UUID(bytes=body[17:33]))


def _seal(body: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, b"door-pass/v1" + body, sha256)
