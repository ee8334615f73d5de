"""GitHub and Discord: OAuth 2 without ID tokens; who somebody is, their own API says.

The access token comes straight from the provider over TLS, for a code that this browser
brought back, and is used once: to ask whose it is.

GitHub    docs.github.com: Authorizing OAuth apps; REST: users, emails
Discord   docs.discord.com: OAuth2; Users, Get Current User
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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
from domain.errors import Unauthenticated

IN_THE_BODY = "client_secret_post"


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Where a provider is; `issuer` is what its accounts are told from others' by."""

    issuer: str
    authorize: str
    token: str
    user: str


GITHUB = Endpoints(
    issuer="https://github.com",
    authorize="https://github.com/login/oauth/authorize",
    token="https://github.com/login/oauth/access_token",  # noqa: S106 - an address
    user="https://api.github.com/user",
)
DISCORD = Endpoints(
    issuer="https://discord.com",
    authorize="https://discord.com/oauth2/authorize",
    token="https://discord.com/api/oauth2/token",  # noqa: S106 - an address
    user="https://discord.com/api/users/@me",
)

Reader = Callable[[Client, Endpoints, str], Identity]


class OAuth2Provider:
    """Plays `SignInProvider` for whom the reader can ask."""

    def __init__(
        self, endpoints: Endpoints, client: Client, *, scope: str, reader: Reader
    ) -> None:
        self._endpoints = endpoints
        self._client = client
        self._scope = scope
        self._reader = reader

    def may_say(self, issuer: str) -> bool:  # noqa: ARG002 - another redirect tells it
        return True

    def authorization_url(self, errand: Errand) -> str:
        return authorization_url(
            self._client, self._endpoints.authorize, self._scope, errand
        )

    def identity(self, errand: Errand, code: str) -> Identity:
        with oauth_client(
            self._client, self._scope, token_endpoint_auth_method=IN_THE_BODY
        ) as asking:
            tokens = tokens_for(asking, self._endpoints.token, errand, code)
        token = needed_in(tokens, "access_token")
        return self._reader(self._client, self._endpoints, token)


def github(client: Client, endpoints: Endpoints = GITHUB) -> OAuth2Provider:
    """GitHub's users; their address is the primary one, if it is verified."""
    scope = "read:user user:email"
    return OAuth2Provider(endpoints, client, scope=scope, reader=_github_user)


def discord(client: Client, endpoints: Endpoints = DISCORD) -> OAuth2Provider:
    """Discord's users."""
    scope = "identify email"
    return OAuth2Provider(endpoints, client, scope=scope, reader=_discord_user)


def _github_user(client: Client, endpoints: Endpoints, token: str) -> Identity:
    user = asked(client, endpoints.user, token=token)
    addresses = asked(client, f"{endpoints.user}/emails", token=token)
    return Identity(
        issuer=endpoints.issuer,
        subject=_number_in(user, "id"),
        name=text_in(user, "name") or text_in(user, "login"),
        email=next((text_in(one, "email") for one in _primary(addresses)), ""),
    )


def _discord_user(client: Client, endpoints: Endpoints, token: str) -> Identity:
    user = asked(client, endpoints.user, token=token)
    verified = isinstance(user, dict) and user.get("verified") is True
    return Identity(
        issuer=endpoints.issuer,
        subject=needed_in(user, "id"),
        name=text_in(user, "global_name") or text_in(user, "username"),
        email=text_in(user, "email") if verified else "",
    )


def _primary(addresses: Any) -> list[Mapping[str, Any]]:
    listed = addresses if isinstance(addresses, list) else []
    return [
        one
        for one in listed
        if isinstance(one, dict)
        and one.get("primary") is True
        and one.get("verified") is True
    ]


def _number_in(user: Any, name: str) -> str:
    value = user.get(name) if isinstance(user, dict) else None
    if type(value) is not int:
        raise Unauthenticated
    return str(value)
