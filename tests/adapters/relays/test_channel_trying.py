"""Stored credentials are tried where they belong; what is said tells nothing of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from adapters.relays.channel.oauth1 import signed
from domain.errors import NotFound
from tests.adapters.relays.channels import Asked, Little, Said, little
from tests.adapters.relays.given import CHANNELS, ChannelDoor, Fleet, channel_door

REAL = "real-secret"
PROBED = sorted(name for name, kind in CHANNELS.items() if kind.probe is not None)


def secrets_of(kind: str) -> dict[str, str]:
    return {one.key: REAL for one in CHANNELS[kind].credential_fields}


class Vendor:
    """Every channel's server at once."""

    def __init__(self) -> None:
        self.said = Said(body=b'{"ok": true, "code": 0, "access_token": "t"}')

    def __call__(self, _asked: Asked) -> Said:
        return self.said


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def server(vendor: Vendor) -> Iterator[Little]:
    with little(vendor) as server:
        yield server


@pytest.fixture
def door(server: Little) -> Iterator[ChannelDoor]:
    origins = dict.fromkeys(PROBED, server.url)
    with channel_door(Fleet(), allow=(server.url,), origins=origins) as door:
        yield door


@pytest.mark.parametrize("kind", PROBED)
def test_good_credentials_are_good(door: ChannelDoor, server: Little, kind: str) -> None:
    bot = door.fleet.bot()
    channel = door.fleet.channel(bot, secrets_of(kind), kind=kind)
    verdict = door.client.test_channel(bot, channel.id)
    assert (verdict.ok, verdict.code) == (True, "ok")
    assert verdict.latency_ms is not None
    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", PROBED)
def test_bad_ones_are_refused_and_not_repeated(
    door: ChannelDoor, vendor: Vendor, kind: str
) -> None:
    bot = door.fleet.bot()
    channel = door.fleet.channel(bot, secrets_of(kind), kind=kind)
    vendor.said = Said(401, json.dumps({"ok": False, "error": REAL, "code": 9}).encode())
    verdict = door.client.test_channel(bot, channel.id)
    assert (verdict.ok, verdict.code) == (False, "credential-refused")
    assert REAL not in repr(verdict)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (Said(429), "rate-limited"),
        (Said(500), "upstream-failed"),
        (Said(302, b"", {"location": "http://127.0.0.1:9"}), "upstream-failed"),
        (Said(200, b"not json"), "credential-refused"),
        (Said(200, b'{"ok": "true"}'), "credential-refused"),
        (Said(200, b"[" * 100_000), "credential-refused"),
    ],
)
def test_what_else_a_channel_may_say(
    door: ChannelDoor, vendor: Vendor, said: Said, code: str
) -> None:
    bot = door.fleet.bot()
    channel = door.fleet.channel(bot, secrets_of("telegram"))
    vendor.said = said
    assert door.client.test_channel(bot, channel.id).code == code


@pytest.mark.parametrize(
    ("kind", "secrets", "code"),
    [
        ("telegram", {"botToken": ".."}, "malformed-credential"),
        ("telegram", {"botToken": "1:a b"}, "malformed-credential"),
        ("telegram", {"other": "x"}, "missing-credential"),
        ("discord", {"botToken": "a\r\nhost: b"}, "malformed-credential"),
        (
            "whatsapp",
            {"accessToken": "x", "phoneNumberId": ".."},
            "malformed-credential",
        ),
        ("webchat", {"apiKey": "x"}, "nothing-to-test"),
    ],
)
def test_what_cannot_be_one_is_not_sent(
    door: ChannelDoor, server: Little, kind: str, secrets: dict[str, str], code: str
) -> None:
    bot = door.fleet.bot()
    channel = door.fleet.channel(bot, secrets, kind=kind)
    assert door.client.test_channel(bot, channel.id).code == code
    assert server.asked == []


def test_nobody_there_is_told_from_a_refusal(free_port: int) -> None:
    away = f"http://127.0.0.1:{free_port}"
    with channel_door(Fleet(), allow=(away,), origins={"telegram": away}) as door:
        bot = door.fleet.bot()
        channel = door.fleet.channel(bot, secrets_of("telegram"))
        verdict = door.client.test_channel(bot, channel.id)
        assert verdict.code == "upstream-unreachable"
        with pytest.raises(NotFound):
            door.client.test_channel(bot, uuid4())


def test_a_server_of_ones_own_is_tried_where_it_is(server: Little) -> None:
    with channel_door(Fleet(), allow=(server.url,)) as door:
        bot = door.fleet.bot()
        config = json.dumps({"apiRoot": server.url})
        channel = door.fleet.channel(bot, {"botToken": "1:A"}, config=config)
        assert door.client.test_channel(bot, channel.id).ok
        assert server.asked[0].target == "/bot1:A/getMe"


def test_a_tenants_identifier_cannot_leave_its_place_in_the_path(
    door: ChannelDoor, server: Little
) -> None:
    bot = door.fleet.bot()
    secrets = {"appId": "a", "appPassword": "b", "tenantId": "x/../../y?z"}
    channel = door.fleet.channel(bot, secrets, kind="teams")
    door.client.test_channel(bot, channel.id)
    assert server.asked[0].target == "/x%2F..%2F..%2Fy%3Fz/oauth2/v2.0/token"


def test_a_signature_is_that_of_an_independent_calculation() -> None:
    """Worked out by hand with `openssl dgst -sha1 -hmac` from RFC 5849's base string."""
    fields = {
        "apiKey": "ck",
        "apiSecret": "cs",
        "accessToken": "at",
        "accessTokenSecret": "as",
    }
    header = signed("GET", "https://api.x.com/2/users/me", fields, nonce="n0", now=1)
    assert 'oauth_signature="azhNocPbdOpJhnIR0Dm9D6EKUxg%3D"' in header
