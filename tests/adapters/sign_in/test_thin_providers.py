"""GitHub, Discord, WeChat and Feishu, each in the way that it documents."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.checked_transport import CheckedTransport
from adapters.sign_in.asking import Client
from adapters.sign_in.chinese import FeishuProvider, WeChatProvider
from adapters.sign_in.oauth2 import Endpoints, discord, github
from application.identities import Errand, Identity, SignInProvider
from domain.errors import Unauthenticated
from tests.adapters.sign_in.thin_server import (
    CLIENT_ID,
    CODE,
    SECRET,
    VERIFIER,
    Thin,
    thin_server,
)

ERRAND = Errand(
    redirect_uri="https://bots.example.com/back", state="st", nonce="no", verifier=VERIFIER
)
TLS = ssl.create_default_context()


@pytest.fixture
def there() -> Iterator[Thin]:
    with thin_server() as there:
        yield there


def provider(there: Thin, name: str) -> SignInProvider:
    transport = CheckedTransport(egress_allow=(there.url,), tls=TLS)
    client = Client(client_id=CLIENT_ID, client_secret=SECRET, transport=transport)
    base = f"{there.url}/{name}"
    user = f"{base}/users/@me" if name == "discord" else f"{base}/user"
    endpoints = Endpoints(
        issuer=f"https://{name}.example",
        authorize=f"{base}/authorize",
        token=f"{base}/token",
        user=user,
    )
    match name:
        case "github":
            return github(client, endpoints)
        case "discord":
            return discord(client, endpoints)
        case "wechat":
            return WeChatProvider(client, endpoints)
        case _:
            return FeishuProvider(client, endpoints)


WHO = {
    "github": ("583231", "octocat", "octocat@example.com"),
    "discord": ("80351110224678912", "Nelly", "nelly@example.com"),
    "wechat": ("oLVPpjqs9BhvzwPj5A-vTYAX3GLc", "微信用户", ""),
    "feishu": ("ou-caecc734c2e3328a", "张三", ""),
}


@pytest.mark.parametrize("name", WHO)
def test_who_somebody_is_there(there: Thin, name: str) -> None:
    subject, called, email = WHO[name]
    assert provider(there, name).identity(ERRAND, CODE) == Identity(
        issuer=f"https://{name}.example", subject=subject, name=called, email=email
    )


@pytest.mark.parametrize("name", WHO)
def test_a_code_that_is_not_good_is_nobodys(there: Thin, name: str) -> None:
    with pytest.raises(Unauthenticated):
        provider(there, name).identity(ERRAND, "another-code")


@pytest.mark.parametrize("name", WHO)
def test_the_browser_is_sent_with_what_the_provider_knows(there: Thin, name: str) -> None:
    url = provider(there, name).authorization_url(ERRAND)
    query = {key: one[0] for key, one in parse_qs(urlsplit(url).query).items()}
    assert (query["state"], query["redirect_uri"]) == ("st", ERRAND.redirect_uri)
    assert query["response_type"] == "code"
    if name == "wechat":
        assert (query["appid"], query["scope"]) == (CLIENT_ID, "snsapi_login")
        assert url.endswith("#wechat_redirect")
    else:
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
    assert SECRET not in url


def test_only_an_address_that_is_verified_is_told(there: Thin) -> None:
    unverified = [{"email": "octocat@example.com", "primary": True, "verified": False}]
    there.users["/github/user/emails"] = unverified
    there.users["/discord/users/@me"] = {
        "id": "1",
        "email": "n@example.com",
        "verified": False,
    }
    for name in ("github", "discord"):
        assert provider(there, name).identity(ERRAND, CODE).email == ""


def test_a_person_without_an_id_is_nobody(there: Thin) -> None:
    there.users["/github/user"] = {"id": "583231", "login": "octocat"}
    there.users["/discord/users/@me"] = {"id": None}
    there.users["/feishu/user"] = {"code": 20005, "msg": "invalid access token"}
    there.wechat["openid"] = "somebody-else"
    for name in WHO:
        with pytest.raises(Unauthenticated):
            provider(there, name).identity(ERRAND, CODE)
