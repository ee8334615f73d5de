"""The hash of tokens is the library's HMAC, made sooner."""

from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from proxy.token_hash import TokenHash


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200))
def test_it_is_hmac_with_sha256_for_any_key_and_token(
    key: bytes, one: bytes, other: bytes
) -> None:
    hashed = TokenHash(key)
    for token in (one, other, one):
        assert hashed(token) == hmac.digest(key, token, "sha256").hex()
