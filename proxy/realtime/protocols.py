"""Subprotocols: where a browser, which sets no headers, puts a credential (OpenAI's way).

Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.TOKEN, openai-beta.realtime-v1
"""

from __future__ import annotations

HEADER = b"sec-websocket-protocol"
TOKEN = b"openai-insecure-api-key."
# All that may pass to a vendor: others name organizations and projects.
PLAIN, VERSIONS = frozenset({b"realtime"}), b"openai-beta."


def take_token(headers: dict[bytes, bytes]) -> bytes | None:
    """The token among the subprotocols, which are then only those that may pass."""
    offered = [one.strip(b" \t") for one in headers.pop(HEADER, b"").split(b",")]
    passing = [one for one in offered if one in PLAIN or one.startswith(VERSIONS)]
    if passing:
        headers[HEADER] = b", ".join(dict.fromkeys(passing))
    tokens = (one.removeprefix(TOKEN) for one in offered if one.startswith(TOKEN))
    return next(tokens, None)
