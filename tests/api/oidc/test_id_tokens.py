"""ID tokens that are for somebody else, for another time, or by somebody else."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.api.oidc.door import Door, refused, set_up
from tests.api.oidc.forged import FORGERIES
from tests.api.oidc.issuer import CLIENT_ID, EC, RSA, signed

NOW = int(time.time())
WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "a" * 43},
    "no nonce": {"nonce": None},
    "another audience": {"aud": "somebody-else"},
    "another audience, in our name": {"aud": "somebody-else", "azp": CLIENT_ID},
    "no audience": {"aud": None},
    "an audience of several, not for us": {"aud": [CLIENT_ID, "other"], "azp": "other"},
    "an audience of several, for nobody": {"aud": [CLIENT_ID, "other"]},
    "another issuer": {"iss": "https://accounts.example.com"},
    "no issuer": {"iss": None},
    "expired": {"exp": NOW - 120, "iat": NOW - 600},
    "no end": {"exp": None},
    "an end in words": {"exp": "tomorrow"},
    "not yet": {"nbf": NOW + 600},
    "from the future": {"iat": NOW + 600},
    "no subject": {"sub": None},
    "a subject that is no text": {"sub": 5},
    "an empty subject": {"sub": ""},
    "another access token's hash": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("wrong", WRONG_CLAIMS)
def test_a_token_that_is_not_for_us_for_now_and_for_this_is_refused(
    door: Door, wrong: str
) -> None:
    door.issuer.claims = WRONG_CLAIMS[wrong]
    assert refused(door.signed_in())
    assert door.topics() == []


@pytest.mark.parametrize(
    "make",
    [
        *FORGERIES,
        lambda _: "a.b.c",
        lambda _: "",
        lambda _: "x" * 20_000,
    ],
)
def test_a_token_that_the_issuer_did_not_sign_is_refused(door: Door, make: Any) -> None:
    door.issuer.make = make
    assert refused(door.signed_in())
    assert door.topics() == []


def test_both_kinds_of_signature_and_new_keys_are_understood(door: Door) -> None:
    door.issuer.keys = [RSA]
    assert door.signed_in().status_code == 200
    door.issuer.make = lambda claims: signed(claims, alg="ES256")
    assert refused(door.signed_in()), "nobody knows that key, and it was just looked for"
    door.issuer.keys = [EC]
    set_up(door.front, door.issuer)
    assert door.signed_in().status_code == 200
