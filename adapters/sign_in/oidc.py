"""Any OpenID Connect issuer, by its discovery document (OpenID Connect Core and Discovery).

Only an ID token that the issuer signed for us, for this errand and for now says who it is.
Which algorithms may sign is written here: never `none`, and no shared secret (HS256), which
an attacker could have made of a public key.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from adapters.sign_in.asking import (
    Client,
    asked,
    authorization_url,
    needed_in,
    oauth_client,
    text_in,
    tokens_for,
)
from application.identities import Errand, Identity
from domain.errors import Unauthenticated, Unavailable

SCOPE = "openid email profile"
ALGORITHMS = [kind + size for kind in ("RS", "PS", "ES") for size in ("256", "384", "512")]
LEEWAY_SECONDS = 30
KEPT_SECONDS = 3600.0
AGAIN_SECONDS = 60.0  # between two looks for keys that a token names and nobody knows
AWAY_SECONDS = 5.0  # for which an issuer that did not answer is not asked again
LONGEST_TOKEN = 16 * 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What the issuer says of itself, and its keys."""

    facts: Mapping[str, Any]
    keys: KeySet
    until: float
    read_at: float


class OidcProvider:
    """Plays `SignInProvider`. What the issuer says of itself is kept for an hour.

    One asks and the others wait. That it is away is kept too, for a moment: whoever waited
    does not wait again, each for itself, until no thread is left for anybody else.
    """

    def __init__(self, issuer: str, client: Client) -> None:
        self.issuer = issuer
        self._client = client
        self._lock = threading.Lock()
        self._known: _Known | None = None
        self._away: tuple[float, Unavailable] | None = None

    def may_say(self, issuer: str) -> bool:
        facts = self._issuer().facts
        promised = facts.get("authorization_response_iss_parameter_supported") is True
        return issuer == self.issuer or (not issuer and not promised)

    def authorization_url(self, errand: Errand) -> str:
        endpoint = needed(self._issuer().facts, "authorization_endpoint")
        return authorization_url(self._client, endpoint, SCOPE, errand, nonce=errand.nonce)

    def identity(self, errand: Errand, code: str) -> Identity:
        facts = self._issuer().facts
        endpoint = needed(facts, "token_endpoint")
        method = _method(facts)
        with oauth_client(self._client, SCOPE, token_endpoint_auth_method=method) as asking:
            tokens = tokens_for(asking, endpoint, errand, code)
        claims = self._claims(tokens, errand.nonce)
        if "email" not in claims and text_in(facts, "userinfo_endpoint"):
            claims.pop("email_verified", None)  # of the address that is told beside it
            claims = {**self._more(facts, tokens, claims), **claims}
        return Identity(
            issuer=self.issuer,
            subject=needed_in(claims, "sub"),
            name=text_in(claims, "name") or text_in(claims, "preferred_username"),
            email=text_in(claims, "email") if claims.get("email_verified") is True else "",
        )

    def _claims(self, tokens: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """What the ID token says, checked (OpenID Connect Core, 3.1.3.7)."""
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str) or len(id_token) > LONGEST_TOKEN:
            raise Unauthenticated
        try:
            decoded = self._decoded(id_token)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self._client.client_id},
                    "sub": {"essential": True},
                    "nonce": {"essential": True},
                },
                {
                    "nonce": nonce,
                    "client_id": self._client.client_id,
                    "access_token": tokens.get("access_token"),  # for its hash
                },
            )
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            log.warning("sign_in.id_token_refused", extra={"reason": type(error).__name__})
            raise Unauthenticated from error
        return dict(claims)

    def _decoded(self, id_token: str) -> jwt.Token:
        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        try:
            return jwt.decode(id_token, self._issuer().keys, registry=registry)
        except InvalidKeyIdError:
            keys = self._issuer(fresh=True).keys
            return jwt.decode(id_token, keys, registry=registry)

    def _more(
        self, facts: Mapping[str, Any], tokens: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What the issuer tells of the same person beside the token (Core, 5.3.2)."""
        told = asked(
            self._client,
            needed(facts, "userinfo_endpoint"),
            token=needed_in(tokens, "access_token"),
        )
        if not isinstance(told, dict) or told.get("sub") != claims["sub"]:
            raise Unauthenticated
        return told

    def _issuer(self, *, fresh: bool = False) -> _Known:
        with self._lock:
            known, now = self._known, time.monotonic()
            asked_again = fresh and known and now >= known.read_at + AGAIN_SECONDS
            if known is not None and now < known.until and not asked_again:
                return known
            if self._away is not None and now < self._away[0]:
                raise Unavailable from self._away[1]
            try:
                self._known = self._read(now)
            except Unavailable as error:
                self._away = (time.monotonic() + AWAY_SECONDS, error)
                raise
            return self._known

    def _read(self, now: float) -> _Known:
        url = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            facts = asked(self._client, url)
            if not isinstance(facts, dict) or facts.get("issuer") != self.issuer:
                msg = "the issuer calls itself something else"
                raise Unavailable(msg)
            keys = KeySet.import_key_set(asked(self._client, needed(facts, "jwks_uri")))
        except (Unauthenticated, JoseError, ValueError, KeyError, TypeError) as error:
            msg = "the issuer says nothing of itself, or of its keys"
            raise Unavailable(msg) from error
        return _Known(facts=facts, keys=keys, until=now + KEPT_SECONDS, read_at=now)


def needed(facts: Mapping[str, Any], name: str) -> str:
    """What the issuer must say of itself; `Unavailable` if it does not."""
    value = text_in(facts, name)
    if not value:
        msg = f"the issuer does not say its {name}"
        raise Unavailable(msg)
    return value


def _method(facts: Mapping[str, Any]) -> str:
    """How we say that it is us; `client_secret_basic` where the issuer says nothing."""
    known = facts.get("token_endpoint_auth_methods_supported")
    basic = not isinstance(known, list) or "client_secret_basic" in known
    return "client_secret_basic" if basic else "client_secret_post"
