"""Surrogates: what a bot holds in the place of a channel's real token.

Shaped like a Telegram token, because the software in the bot may look: ten digits, a colon,
and `cbs_` with base64url of bot id, channel id, version of the credentials (4 bytes,
big-endian) and 20 bytes of an HMAC-SHA-256 of these under the instance key `door`. It is
good for our channel relay and nothing else, and a new credential makes the old one void.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from domain.base64url import bytes_of, text_of
from domain.equipment import BotChannel

PREFIX = "cbs_"
_BODY = 16 + 16 + 4
_SEAL = 20
_LOWEST = 1_000_000_000  # the smallest number of ten digits
_DIGITS = 9 * _LOWEST


@dataclass(frozen=True, slots=True)
class Surrogate:
    """Which bot's channel a surrogate stands for."""

    bot_id: UUID
    channel_id: UUID
    version: int  # of the channel's credentials


def surrogate_of(bot_id: UUID, channel: BotChannel, secret: bytes) -> str:
    """What the bot is given for this channel; the same for the same credentials."""
    body = bot_id.bytes + channel.id.bytes + channel.secret_version.to_bytes(4, "big")
    return f"{_number(channel.id)}:{PREFIX}{text_of(body + _seal(body, secret))}"


def read_surrogate(token: str, secret: bytes) -> Surrogate | None:
    """What the token stands for; None if it is none of ours."""
    number, _, rest = token.partition(":")
    if not rest.startswith(PREFIX):
        return None
    try:
        raw = bytes_of(rest.removeprefix(PREFIX))
    except ValueError:
        return None
    body = raw[:_BODY]
    if not hmac.compare_digest(raw[_BODY:], _seal(body, secret)):
        return None
    channel_id = UUID(bytes=body[16:32])
    if number != _number(channel_id):
        return None
    return Surrogate(UUID(bytes=body[:16]), channel_id, int.from_bytes(body[32:], "big"))


def _number(channel_id: UUID) -> str:
    return str(_LOWEST + channel_id.int % _DIGITS)


def _seal(body: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, b"surrogate/v1" + body, sha256)[:_SEAL]
