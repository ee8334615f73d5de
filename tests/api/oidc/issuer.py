"""A small OpenID Connect issuer with real keys, real signatures and real single-use codes.

Whoever is sent to it is signed in there already. A test says what an ID token claims, how
its header looks, or that it is made in some other way.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.little_server import Answering, first_of_each, little_server

CLIENT_ID, CLIENT_SECRET = "clawbot-here", "a-secret-of-ours"
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"})

Made = Callable[[dict[str, Any]], str]


def signed(
    claims: dict[str, Any], *, alg: str = "RS256", key: RSAKey | ECKey | None = None
) -> str:
    """An ID token as the issuer makes it, or with another key under the same name."""
    usual = EC if alg == "ES256" else RSA
    header = {"alg": alg, "kid": usual.kid, "typ": "JWT"}
    return jwt.encode(header, claims, key or usual, algorithms=[alg])


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


@dataclass
class Issuer:
    """Where it is, who is signed in there, and what it does otherwise than it should."""

    url: str
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": f"there-{uuid4()}",
            "name": "Ada There",
            "email": f"{uuid4().hex}@example.com",
            "email_verified": True,
        }
    )
    claims: dict[str, Any] = field(default_factory=dict)  # None takes a claim away
    make: Made = signed
    keys: list[RSAKey | ECKey] = field(default_factory=lambda: [RSA, EC])
    facts: dict[str, Any] = field(default_factory=dict)
    in_token: bool = True  # else name and address are at the userinfo endpoint only
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        } | self.facts

    def came_back(self, query: dict[str, str]) -> str:
        """Where a browser is sent once the person said yes."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        told = urlencode({"code": code, "state": query["state"], "iss": self.url})
        return f"{query['redirect_uri']}?{told}"

    def tokens(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """What the code is good for, once; None: nothing."""
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or authorization != f"Basic {basic}":
            return None
        challenge = b64(hashlib.sha256(form["code_verifier"].encode()).digest())
        if (challenge, form["redirect_uri"]) != (
            asked["code_challenge"],
            asked["redirect_uri"],
        ):
            return None
        return {
            "access_token": "an-access-token",
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": self.make(self._claims(asked["nonce"])),
        }

    def _claims(self, nonce: str) -> dict[str, Any]:
        now = int(time.time())
        told = self.person if self.in_token else {"sub": self.person["sub"]}
        usual = {"iss": self.url, "aud": CLIENT_ID, "nonce": nonce, **told}
        whole = usual | {"iat": now, "exp": now + 60} | self.claims
        return {name: value for name, value in whole.items() if value is not None}

    def forget(self) -> None:
        """Somebody else is there, and all is as it should be."""
        fresh = Issuer(url=self.url)
        for one in fields(self):
            setattr(self, one.name, getattr(fresh, one.name))


@contextmanager
def issuer() -> Iterator[Issuer]:
    """An issuer on this machine, until the block ends."""

    class Handler(Answering):
        def get(self) -> None:
            place = urlsplit(self.path)
            known.asked.append(place.path)
            if place.path == "/authorize":
                query = first_of_each(place.query)
                self.send_response(302)
                self.send_header("Location", known.came_back(query))
                self.end_headers()
                return
            said: dict[str, object] = {
                "/.well-known/openid-configuration": known.metadata(),
                "/keys": {"keys": [key.as_dict(private=False) for key in known.keys]},
                "/userinfo": known.person,
            }
            self.answer_json(200 if place.path in said else 404, said.get(place.path, {}))

        def post(self) -> None:
            known.asked.append(self.path)
            tokens = known.tokens(self.form(), self.headers.get("authorization", ""))
            if tokens is None:
                self.answer_json(400, {"error": "invalid_grant"})
            else:
                self.answer_json(200, tokens)

    with little_server(Handler) as url:
        known = Issuer(url=url)
        yield known
