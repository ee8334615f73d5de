"""How providers are asked: Authlib's client over the checked transport, and JSON answers.

What a provider says is read as text or not at all, and never longer than it has reason to
be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client

from adapters.checked_transport import CheckedTransport
from application.identities import Errand
from domain.errors import Unauthenticated, Unavailable

LONGEST_TEXT = 512  # characters
GOOD = 200
SERVER_ERRORS = 500


@dataclass(frozen=True, kw_only=True)
class Client:
    """What the operator registered with a provider."""

    client_id: str
    client_secret: str
    transport: CheckedTransport


def oauth_client(client: Client, scope: str, **options: str) -> OAuth2Client:
    """Authlib's client, which a `with` closes; PKCE is always S256."""
    return OAuth2Client(
        client.client_id,
        client.client_secret,
        scope=scope,
        code_challenge_method="S256",
        transport=client.transport,
        trust_env=False,
        follow_redirects=False,
        **options,
    )


def authorization_url(
    client: Client, endpoint: str, scope: str, errand: Errand, **more: str
) -> str:
    """Where the browser is sent."""
    with oauth_client(client, scope, redirect_uri=errand.redirect_uri) as asking:
        url, _ = asking.create_authorization_url(
            endpoint, state=errand.state, code_verifier=errand.verifier, **more
        )
        return str(url)


def tokens_for(
    asking: OAuth2Client, endpoint: str, errand: Errand, code: str
) -> Mapping[str, Any]:
    """What the code is exchanged for; `Unauthenticated` if it is not good (any more)."""
    try:
        answered = asking.fetch_token(
            endpoint,
            grant_type="authorization_code",
            code=code,
            code_verifier=errand.verifier,
            redirect_uri=errand.redirect_uri,
        )
    except OAuthError as error:
        raise Unauthenticated from error
    except (httpx2.HTTPError, ValueError) as error:
        msg = "the provider gives no tokens"
        raise Unavailable(msg) from error
    return dict(answered)


def asked(
    client: Client, url: str, *, token: str = "", query: Mapping[str, str] | None = None
) -> Any:
    """The JSON that is there; `Unauthenticated` if the provider says no."""
    headers = {"accept": "application/json", "user-agent": "ClawBotManager"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    with plain_client(client) as asking:
        return json_of(asking.get(url, headers=headers, params=query))


def plain_client(client: Client) -> httpx2.Client:
    """A client without any protocol, for what is no OAuth 2."""
    return httpx2.Client(
        transport=client.transport, trust_env=False, follow_redirects=False
    )


def json_of(answer: httpx2.Response) -> Any:
    """What a good answer holds; `Unauthenticated` for a refusal, else `Unavailable`."""
    if GOOD < answer.status_code < SERVER_ERRORS:
        raise Unauthenticated
    if answer.status_code != GOOD:
        msg = "the provider fails"
        raise Unavailable(msg)
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError) as error:
        msg = "the provider's answer is no JSON"
        raise Unavailable(msg) from error


def text_in(answer: Any, name: str) -> str:
    """The text of that name; empty if there is none, or it is no short text."""
    value = answer.get(name) if isinstance(answer, dict) else None
    return value if isinstance(value, str) and len(value) <= LONGEST_TEXT else ""


def needed_in(answer: Any, name: str) -> str:
    """The text of that name; `Unauthenticated` without it."""
    value = text_in(answer, name)
    if not value:
        raise Unauthenticated
    return value
