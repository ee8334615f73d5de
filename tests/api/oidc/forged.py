"""ID tokens that an issuer never signed, each forged in another way."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.api.oidc.issuer import CLIENT_SECRET, RSA, b64, signed


def unsigned(claims: dict[str, Any]) -> str:
    header = b64(json.dumps({"alg": "none", "kid": RSA.kid}).encode())
    return f"{header}.{b64(json.dumps(claims).encode())}."


def by_public_key(claims: dict[str, Any]) -> str:
    """HS256 with the text of the issuer's public key as its secret."""
    header = b64(json.dumps({"alg": "HS256", "kid": RSA.kid}).encode())
    text = f"{header}.{b64(json.dumps(claims).encode())}"
    secret = RSA.as_pem(private=False)
    return f"{text}.{b64(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def by_client_secret(claims: dict[str, Any]) -> str:
    header = b64(json.dumps({"alg": "HS256"}).encode())
    text = f"{header}.{b64(json.dumps(claims).encode())}"
    mac = hmac.digest(CLIENT_SECRET.encode(), text.encode(), hashlib.sha256)
    return f"{text}.{b64(mac)}"


STRANGER = RSAKey.generate_key(2048)


def by_a_stranger(claims: dict[str, Any]) -> str:
    return signed(claims, key=STRANGER)


def with_its_own_key(claims: dict[str, Any]) -> str:
    """The key that signed it stands in its header."""
    header = {"alg": "RS256", "jwk": STRANGER.as_dict(private=False), "kid": RSA.kid}
    return jwt.encode(header, claims, STRANGER, algorithms=["RS256"])


def changed_afterwards(claims: dict[str, Any]) -> str:
    head, _, tail = signed(claims).split(".")
    return f"{head}.{b64(json.dumps(claims | {'sub': 'eve'}).encode())}.{tail}"


def of_the_other_kind(claims: dict[str, Any]) -> str:
    """ES256 in the header, under the name of the RSA key."""
    _, body, tail = signed(claims, alg="ES256").split(".")
    return ".".join(
        (b64(json.dumps({"alg": "ES256", "kid": RSA.kid}).encode()), body, tail)
    )


FORGERIES = (
    unsigned,
    by_public_key,
    by_client_secret,
    by_a_stranger,
    with_its_own_key,
    changed_afterwards,
    of_the_other_kind,
)
