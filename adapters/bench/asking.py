"""What is asked of the systems under test: the bytes of each kind of call, ready made."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import orjson


class Kind(StrEnum):
    """A kind of call."""

    PLAIN = "plain"  # 0.8 kB there, 1 kB back
    BIG = "big"  # 100 kB there, as an agent's context is, 1 kB back
    STREAM = "stream"  # 0.8 kB there, 50 pieces back in a burst


REQUEST_BYTES, BIG_BYTES = 800, 100_000  # the bodies'
TURN_BYTES = 2_000  # of a message in a big one
# Makes 1,024 bytes of a plain answer's body, and 50 pieces of a streamed one.
PLAIN_MODEL, STREAM_MODEL = "gpt-5-mini+big=457", "gpt-5-mini+tokens=50"
PACED_MODEL = "gpt-5-mini"
PATH = "/v1/chat/completions"
QUESTION = "How do bees find their way home? "
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


def calls(path: str, headers: Mapping[str, str]) -> dict[Kind, bytes]:
    """The request of each kind, for a target that wants this path and these headers."""
    return {
        Kind.PLAIN: request(path, headers, {"model": PLAIN_MODEL}),
        Kind.BIG: request(path, headers, {"model": PLAIN_MODEL}, size=BIG_BYTES),
        Kind.STREAM: request(path, headers, {"model": STREAM_MODEL, **WITH_USAGE}),
    }


def paced_call(path: str, headers: Mapping[str, str], *, pieces: int) -> bytes:
    """A request to `paced.py` for a stream of so many pieces."""
    asked = {"model": PACED_MODEL, "max_tokens": pieces, **WITH_USAGE}
    return request(path, headers, asked)


def request(
    path: str,
    headers: Mapping[str, str],
    asked: Mapping[str, object],
    *,
    size: int = REQUEST_BYTES,
) -> bytes:
    """The call's bytes, its body filled up to this size by what was said so far."""
    body = _body(asked, size)
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\n{''.join(lines)}"
        f"content-type: application/json\r\naccept: application/json\r\n"
        f"user-agent: clawbot-bench\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"authorization": f"Bearer {token}"}


def _body(asked: Mapping[str, object], size: int) -> bytes:
    turn = (QUESTION * (TURN_BYTES // len(QUESTION) + 1))[:TURN_BYTES]
    messages = [
        {"role": "assistant" if number % 2 else "user", "content": turn}
        for number in range((size - REQUEST_BYTES) // (TURN_BYTES + 40) // 2 * 2)
    ]
    last = {"role": "user", "content": ""}
    messages.append(last)
    missing = size - len(orjson.dumps({**asked, "messages": messages}))
    last["content"] = QUESTION[:missing].ljust(missing, ".")
    return orjson.dumps({**asked, "messages": messages})
