"""Access tokens: only our own, only for now, and only as we write them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from api.tokens import AccessClaims, AccessTokens, new_refresh_token, session_of
from domain.errors import Unauthenticated
from domain.ids import SessionId, TeamId, UserId
from tests.api.front import Front

SEED = bytes(range(32))
KEY = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(SEED))
TOKENS = AccessTokens(SEED)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = int(NOW.timestamp())
WHO = AccessClaims(
    user_id=UserId(uuid4()), team_id=TeamId(uuid4()), session_id=SessionId(uuid4())
)
HEADER = {"alg": "Ed25519", "typ": "at+jwt", "kid": KEY.thumbprint()}
CLAIMS: dict[str, Any] = {
    "iss": "clawbot",
    "aud": "clawbot-api",
    "exp": SECOND + 900,
    "nbf": SECOND,
    "iat": SECOND,
    "sub": str(WHO.user_id),
    "tenant": str(WHO.team_id),
    "sid": str(WHO.session_id),
}


def signed(header: dict[str, Any], claims: dict[str, Any], key: OKPKey = KEY) -> str:
    return jwt.encode(header, claims, key, algorithms=["Ed25519"])


def test_a_token_says_who_it_speaks_for() -> None:
    assert TOKENS.read(TOKENS.issue(WHO, now=NOW), now=NOW) == WHO
    assert TOKENS.read(signed(HEADER, CLAIMS), now=NOW) == WHO


@pytest.mark.parametrize(
    ("inside", "outside"), [(-30, -31), (929, 930)], ids=["begin", "end"]
)
def test_a_token_lives_for_its_time_and_half_a_minute_around_it(
    inside: int, outside: int
) -> None:
    token = TOKENS.issue(WHO, now=NOW)
    assert TOKENS.read(token, now=NOW + timedelta(seconds=inside)) == WHO
    with pytest.raises(Unauthenticated):
        TOKENS.read(token, now=NOW + timedelta(seconds=outside))


WITHOUT_ONE = [{k: v for k, v in CLAIMS.items() if k != name} for name in CLAIMS]
OTHERS: list[dict[str, Any]] = [
    {"iss": "clawbot2"},
    {"iss": ["clawbot"]},
    {"aud": ["clawbot-api"]},
    {"aud": "clawbot"},
    {"exp": SECOND - 31},
    {"exp": float(SECOND + 900)},
    {"exp": str(SECOND + 900)},
    {"exp": None},
    {"nbf": SECOND + 31},
    {"iat": SECOND + 31},
    {"nbf": True},
    {"sub": "somebody"},
    {"sub": None},
    {"tenant": ""},
    {"sid": 7},
    {"admin": True},
]


@pytest.mark.parametrize("claims", [*WITHOUT_ONE, *(CLAIMS | other for other in OTHERS)])
def test_other_claims_are_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        TOKENS.read(signed(HEADER, claims), now=NOW)


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "AT+JWT"},
        {"kid": "other"},
        {"jwk": json.loads(json.dumps(KEY.as_dict(private=False)))},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"cty": "JWT"},
    ],
)
def test_another_header_is_refused_though_the_signature_is_right(
    header: dict[str, Any],
) -> None:
    with pytest.raises(Unauthenticated):
        TOKENS.read(signed(HEADER | header, CLAIMS), now=NOW)


def _segment(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _with_public_key_as_secret() -> str:
    public = OctKey.import_key(KEY.public_key.public_bytes_raw())
    return jwt.encode(HEADER | {"alg": "HS256"}, CLAIMS, public, algorithms=["HS256"])


GOOD = signed(HEADER, CLAIMS)
MALFORMED = [
    "",
    ".",
    "..",
    "...",
    "a.b.c",
    "é.é.é",
    GOOD + ".",
    GOOD + "=",
    GOOD[:-1],
    GOOD[:-1] + chr(ord(GOOD[-1]) + 1),  # another spelling of nearly the same bytes
    GOOD.rpartition(".")[0] + ".",
    GOOD.replace(".", ".."),
    " " + GOOD,
    GOOD + "a" * 3000,
    f"{_segment(HEADER | {'alg': 'none'})}.{_segment(CLAIMS)}.",
    f"{_segment(HEADER | {'alg': 'EdDSA'})}.{_segment(CLAIMS)}.{GOOD.split('.')[2]}",
    f"{_segment(HEADER | {'crit': ['exp']})}.{_segment(CLAIMS)}.{GOOD.split('.')[2]}",
    signed(HEADER, CLAIMS, OKPKey.generate_key("Ed25519")),
    _with_public_key_as_secret(),
    "cbt_" + "a" * 43,
    "crt_" + "a" * 64,
]


@pytest.mark.parametrize("token", MALFORMED)
def test_what_is_not_our_token_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        TOKENS.read(token, now=NOW)


@given(st.text(max_size=300), st.integers(0, 300), st.integers(0, 300))
def test_no_token_but_ours_is_ever_taken(text: str, start: int, end: int) -> None:
    token = GOOD[:start] + text + GOOD[end:]
    if token != GOOD:
        with pytest.raises(Unauthenticated):
            TOKENS.read(token, now=NOW)


@given(st.uuids())
def test_a_refresh_token_names_its_session_and_is_ours_alone(session_id: SessionId) -> None:
    key = b"k" * 32
    token = new_refresh_token(key, session_id)
    assert session_of(key, token) == session_id
    for place in range(4, len(token)):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(Unauthenticated):
            session_of(key, token[:place] + other + token[place + 1 :])


@pytest.mark.parametrize(
    "authorization",
    [
        [],
        ["Bearer"],
        ["Bearer "],
        ["Basic YTpi"],
        ["Bearer {token} "],
        ["Bearer  {token}"],
        ["{token}"],
        ["Bearer {token}", "Bearer {token}"],
        ["Bearer cbt_" + "a" * 43],
    ],
)
def test_a_malformed_authorization_is_nobody(
    front: Front, authorization: list[str]
) -> None:
    token = front.registered()["access_token"]
    headers = [("Authorization", one.format(token=token)) for one in authorization]
    answer = front.client.get("/api/auth/me", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("field", ["user_id", "team_id", "session_id"])
def test_a_token_speaks_for_the_user_and_team_of_its_session_only(
    front: Front, field: str
) -> None:
    me, other = front.registered(), front.registered()
    tokens = AccessTokens(front.system.instance_keys.get("sign-in"))
    now = datetime.now(UTC)
    mine, theirs = (tokens.read(one["access_token"], now=now) for one in (me, other))
    mixed = replace(mine, **{field: getattr(theirs, field)})
    headers = {"Authorization": f"Bearer {tokens.issue(mixed, now=now)}"}
    assert front.client.get("/api/auth/me", headers=headers).status_code == 401
