"""Where directives may stand, what is none, and what the ledger keeps of a call."""

from __future__ import annotations

import hashlib

import pytest

from tests.adapters.simulator.given import (
    FORMATS,
    KEY,
    Vendor,
)

every_format = pytest.mark.parametrize("form", FORMATS)
plain_and_streamed = pytest.mark.parametrize("stream", [False, True])


@every_format
@pytest.mark.parametrize("unknown", ["dance", "slow=x", "tokens", "status=200", "echo=1"])
def test_an_unknown_directive_is_named(vendor: Vendor, form: str, unknown: str) -> None:
    answer = vendor.call(form, f"m+{unknown}")
    assert answer.status_code == 400
    assert unknown in answer.text


def test_the_header_and_the_credential_carry_directives_too(vendor: Vendor) -> None:
    for name, credential, header, tokens in [
        ("m+tokens=3", KEY, "", 3),
        ("m+tokens=3", KEY, "tokens=4", 4),
        ("m", "sk-sim+tokens=5", "", 5),
        ("m+tokens=3", "sk-sim+tokens=5", "", 3),
        ("m", "a2+tokens=5", "tokens=2", 2),
    ]:
        given = {"authorization": f"Bearer {credential}", "x-sim": header}
        answer = vendor.call("openai-chat", name, given)
        assert answer.json()["usage"]["completion_tokens"] == tokens
        assert answer.json()["model"] == "m"


def test_the_ledger_knows_prints_of_all_credentials_and_the_call_id(vendor: Vendor) -> None:
    vendor.call("openai-chat", sent={"x-api-key": "bot-token", "x-call-id": "c-17"})
    item = vendor.only_item()
    assert item["credential_sha256"] == hashlib.sha256(KEY.encode()).hexdigest()
    assert item["credential_last4"] == KEY[-4:]
    assert item["other_credentials_sha256"] == [hashlib.sha256(b"bot-token").hexdigest()]
    assert item["call_id"] == "c-17"
    assert KEY not in vendor.client.get("/ledger").text
