"""A front, an issuer of accounts, and the browser that goes between the two."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

from adapters.checked_transport import CheckedTransport
from adapters.sign_in.asking import Client
from adapters.sign_in.oidc import OidcProvider
from domain.events import Event
from domain.sessions import SessionStarted
from tests.api.front import PASSWORD, Front
from tests.api.oidc.issuer import CLIENT_ID, CLIENT_SECRET, Issuer

CALLBACK = "/api/auth/oidc/local/callback"


@dataclass
class Door:
    """A front that knows the issuer, and what a browser does between the two."""

    front: Front
    issuer: Issuer
    head: int = 0

    @property
    def email(self) -> str:
        """Of whoever is signed in at the issuer."""
        return str(self.issuer.person["email"])

    def start(self) -> str:
        """Where the browser is sent to sign in."""
        answer = self.front.client.get("/api/auth/oidc/local/start", follow_redirects=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def there(self, url: str) -> str:
        """Where it is sent back to by the issuer."""
        with httpx2.Client(trust_env=False) as browser:
            return browser.get(url).headers["location"]

    def back(self, url: str) -> Any:
        return self.front.client.get(url)

    def signed_in(self) -> Any:
        return self.back(self.there(self.start()))

    def link(self, headers: dict[str, str], password: str | None = PASSWORD) -> Any:
        given = {} if password is None else {"password": password}
        path = "/api/auth/oidc/local/link"
        return self.front.client.post(path, json=given, headers=headers)

    def linked(self, headers: dict[str, str]) -> Any:
        return self.back(self.there(self.link(headers).json()["authorization_url"]))

    def topics(self) -> list[str]:
        return [event.TOPIC for event in self.events()]

    def events(self) -> list[Event]:
        """Those that the test led to."""
        page = self.front.system.fleet.page(after=self.head, limit=1000)
        return [one.recorded.event for one in page.events]

    def means(self) -> list[str]:
        """How everybody has signed in."""
        started = [one for one in self.events() if isinstance(one, SessionStarted)]
        return [one.means for one in started]


def set_up(front: Front, known: Issuer) -> Door:
    front.system.sign_in_providers = {"local": a_provider(known.url, (known.url,))}
    front.client.cookies.clear()
    return Door(front, known, front.system.fleet.head())


TLS = ssl.create_default_context()  # slow to make


def a_provider(url: str, egress_allow: tuple[str, ...]) -> OidcProvider:
    transport = CheckedTransport(egress_allow=egress_allow, tls=TLS)
    return OidcProvider(
        url,
        Client(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, transport=transport),
    )


def changed(url: str, **values: str) -> str:
    """The URL with other values in its query."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query)) | values
    return parts._replace(query=urlencode(query)).geturl()


def refused(answer: Any) -> bool:
    return (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
