"""Tokens: what they look like, how they are made and read. Pure, given keys and the time.

    access token    a JWT for 15 minutes, signed with Ed25519 (RFC 9864, RFC 9068)
    refresh token   crt_ + base64url(session id, 32 random bytes, 18 bytes of HMAC-SHA-256),
                    for 30 days, used once
    API token       cat_ + base64url(team id, token id, 32 random bytes), for programs
    bot token       cbt_ + base64url(32 random bytes), until it is replaced

The latter three are kept as `token_hash` only.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from domain.errors import Unauthenticated
from domain.ids import ApiTokenId, SessionId, TeamId, UserId

ACCESS_SECONDS = 15 * 60
REFRESH_LIFE = timedelta(days=30)
LEEWAY_SECONDS = 30
LONGEST_ACCESS_TOKEN = 2048

ALGORITHM = "Ed25519"
ISSUER = "clawbot"
AUDIENCE = "clawbot-api"
CLAIMS = {"iss", "aud", "exp", "nbf", "iat", "sub", "tenant", "sid"}

BOT_PREFIX = "cbt_"
REFRESH_PREFIX = "crt_"
RANDOM_BYTES = 32
API_PREFIX = "cat_"
_API = re.compile(API_PREFIX + r"[A-Za-z0-9_-]{86}")
_REFRESH = re.compile(REFRESH_PREFIX + r"[A-Za-z0-9_-]{88}")
_TAG_BYTES = 18


@dataclass(frozen=True, kw_only=True)
class AccessClaims:
    """Whom an access token speaks for."""

    user_id: UserId
    team_id: TeamId
    session_id: SessionId


class AccessTokens:
    """Signs and reads access tokens with the one key that is made of `seed` (32 bytes)."""

    def __init__(self, seed: bytes) -> None:
        self._key = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))
        self._header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": self._key.thumbprint()}
        self._header_text = self._sign({}).partition(".")[0]

    def issue(self, claims: AccessClaims, *, now: datetime) -> str:
        """A token for the next 15 minutes."""
        second = int(now.timestamp())
        return self._sign(
            {
                "iss": ISSUER,
                "aud": AUDIENCE,
                "exp": second + ACCESS_SECONDS,
                "nbf": second,
                "iat": second,
                "sub": str(claims.user_id),
                "tenant": str(claims.team_id),
                "sid": str(claims.session_id),
            }
        )

    def read(self, token: str, *, now: datetime) -> AccessClaims:
        """Whom the token speaks for; `Unauthenticated` if it is not ours or not for now.

        Our header is always the same text, so any other - another algorithm, key or type, a
        `jwk`, `jku`, `x5u` or `crit` - is refused by comparing.
        """
        header, _, _ = token.partition(".")
        if len(token) > LONGEST_ACCESS_TOKEN or header != self._header_text:
            raise Unauthenticated
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError) as error:
            raise Unauthenticated from error
        return _checked(claims, int(now.timestamp()))

    def _sign(self, claims: dict[str, object]) -> str:
        return jwt.encode(self._header, claims, self._key, algorithms=[ALGORITHM])


def _checked(claims: dict[str, object], now: int) -> AccessClaims:
    if claims.keys() != CLAIMS or (claims["iss"], claims["aud"]) != (ISSUER, AUDIENCE):
        raise Unauthenticated
    expires, begins, issued = (_second(claims[name]) for name in ("exp", "nbf", "iat"))
    if now >= expires + LEEWAY_SECONDS or now < max(begins, issued) - LEEWAY_SECONDS:
        raise Unauthenticated
    return AccessClaims(
        user_id=UserId(_id(claims["sub"])),
        team_id=TeamId(_id(claims["tenant"])),
        session_id=SessionId(_id(claims["sid"])),
    )


def _second(value: object) -> int:
    if type(value) is not int:
        raise Unauthenticated
    return value


def _id(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise Unauthenticated from error


def new_bot_token() -> str:
    """Shown once."""
    return BOT_PREFIX + secrets.token_urlsafe(RANDOM_BYTES)


def new_refresh_token(key: bytes, session_id: SessionId) -> str:
    """Tells its session, so that a used one can end it."""
    facts = session_id.bytes + secrets.token_bytes(RANDOM_BYTES)
    return REFRESH_PREFIX + urlsafe_b64encode(facts + _tag(key, facts)).decode()


def session_of(key: bytes, refresh_token: str) -> SessionId:
    """The session that a refresh token names; `Unauthenticated` if we did not make it.

    Whoever only knows a session's id, as auditors do, cannot end it with a made-up one.
    """
    if _REFRESH.fullmatch(refresh_token) is None:
        raise Unauthenticated
    whole = urlsafe_b64decode(refresh_token[len(REFRESH_PREFIX) :])
    facts, tag = whole[:-_TAG_BYTES], whole[-_TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(key, facts)):
        raise Unauthenticated
    return SessionId(UUID(bytes=facts[:16]))


def _tag(key: bytes, facts: bytes) -> bytes:
    return hmac.digest(key, REFRESH_PREFIX.encode() + facts, "sha256")[:_TAG_BYTES]


def new_api_token(team_id: TeamId, token_id: ApiTokenId) -> str:
    """Tells where it is looked up; shown once."""
    facts = team_id.bytes + token_id.bytes + secrets.token_bytes(RANDOM_BYTES)
    return API_PREFIX + urlsafe_b64encode(facts).decode().rstrip("=")


def is_api_token(token: str) -> bool:
    """Whether it looks like one."""
    return token.startswith(API_PREFIX)


def api_token_place(token: str) -> tuple[TeamId, ApiTokenId]:
    """The team and the token that it names; `Unauthenticated` if it is not one."""
    if _API.fullmatch(token) is None:
        raise Unauthenticated
    facts = urlsafe_b64decode(token[len(API_PREFIX) :] + "==")
    return TeamId(UUID(bytes=facts[:16])), ApiTokenId(UUID(bytes=facts[16:32]))


def token_hash(key: bytes, token: str) -> str:
    """What is kept of a token: HMAC-SHA-256 of the whole text, in hex."""
    return hmac.new(key, token.encode(), "sha256").hexdigest()
