"""The header that signs a request by OAuth 1.0a with HMAC-SHA1 (RFC 5849), as X has it."""

from __future__ import annotations

import base64
import hmac
import secrets
import time
from collections.abc import Mapping
from urllib.parse import quote

KEYS = ("apiKey", "apiSecret", "accessToken", "accessTokenSecret")


def signed(
    method: str,
    url: str,
    fields: Mapping[str, str],
    *,
    nonce: str | None = None,
    now: int | None = None,
) -> str:
    """The Authorization header for a request without query and body.

    `fields` holds `KEYS`.
    """
    said = {
        "oauth_consumer_key": fields["apiKey"],
        "oauth_nonce": nonce or secrets.token_hex(16),
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(int(time.time()) if now is None else now),
        "oauth_token": fields["accessToken"],
        "oauth_version": "1.0",
    }
    listed = "&".join(f"{_coded(name)}={_coded(said[name])}" for name in sorted(said))
    base = "&".join(map(_coded, (method, url, listed)))
    key = f"{_coded(fields['apiSecret'])}&{_coded(fields['accessTokenSecret'])}"
    # SHA-1 is what the protocol has; as an HMAC it has no known weakness.
    digest = hmac.digest(key.encode(), base.encode(), "sha1")
    said["oauth_signature"] = base64.b64encode(digest).decode()
    pairs = (f'{name}="{_coded(value)}"' for name, value in sorted(said.items()))
    return "OAuth " + ", ".join(pairs)


def _coded(text: str) -> str:
    return quote(text, safe="-._~")
