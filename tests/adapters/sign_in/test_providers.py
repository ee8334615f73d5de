"""What operators say of the providers of accounts, and the transport that asks them."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from adapters.checked_transport import LARGEST_ANSWER, CheckedTransport
from adapters.settings import ProviderSetting, Settings
from adapters.sign_in.providers import providers_of
from domain.errors import BadSetup, Unavailable
from tests.file_server import serving

TLS = ssl.create_default_context()


def test_providers_are_set_up_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text(
        "CLAWBOT_OIDC__GOOGLE__CLIENT_ID=our-id\n"
        "CLAWBOT_OIDC__GOOGLE__CLIENT_SECRET=our-secret\n"
        "CLAWBOT_OIDC__ACME__CLIENT_ID=other\n"
    )
    monkeypatch.setenv("CLAWBOT_OIDC__ACME__CLIENT_SECRET", "a-secret")
    monkeypatch.setenv("CLAWBOT_OIDC__ACME__ISSUER", "https://id.example.com/realms/a")
    settings = Settings()
    assert "our-secret" not in repr(settings)
    assert list(providers_of(settings.clawbot_oidc, egress_allow=())) == ["google", "acme"]


@pytest.mark.parametrize(
    ("name", "issuer", "told"),
    [
        ("acme", None, "CLAWBOT_OIDC__ACME__ISSUER is missing"),
        ("acme", "http://id.example.com", "Only https on port 443"),
        ("acme", "https://10.0.0.1", "not a public one"),
        ("acme", "https://id.example.com?x=1", "query"),
        ("a/b", "https://id.example.com", "letters and digits"),
    ],
)
def test_what_is_no_provider_is_refused_at_the_start(
    name: str, issuer: str | None, told: str
) -> None:
    setting = ProviderSetting(client_id="a", client_secret=SecretStr("b"), issuer=issuer)
    with pytest.raises(BadSetup, match=told):
        providers_of({name: setting}, egress_allow=())


def test_the_transport_asks_what_it_may_and_reads_no_more_than_it_should() -> None:
    files = {
        "/a?b=c": b"here",
        "/most": b"x" * LARGEST_ANSWER,
        "/more": b"x" * (LARGEST_ANSWER + 1),
    }
    with serving(files) as there:
        transport = CheckedTransport(egress_allow=(there.url,), tls=TLS)
        with httpx2.Client(transport=transport, trust_env=False) as client:
            assert client.get(f"{there.url}/a?b=c").content == b"here"
            assert len(client.get(f"{there.url}/most").content) == LARGEST_ANSWER
            with pytest.raises(Unavailable):
                client.get(f"{there.url}/more")
            asked = list(there.asked)
            here = there.url.replace("127.0.0.1", "localhost")
            for inside in (here, "http://127.0.0.1:1", "https://user:pw@example.com"):
                with pytest.raises(Unavailable):
                    client.get(f"{inside}/a?b=c")
        assert there.asked == asked
