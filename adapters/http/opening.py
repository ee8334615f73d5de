"""Which requests may open a WebSocket: every other upgrade is refused.

Below `HttpLimits.upgrades_below` a GET without a body may (RFC 6455, section 4.2.1). What
the application then does with it is told in `upgrade.py`.
"""

from __future__ import annotations

import re

from adapters.http.limits import HttpLimits
from adapters.http.refusals import Refusal

_KEY = re.compile(rb"[A-Za-z0-9+/]{21}[AQgw]==")  # base64 of 16 bytes
_OPTIONS = frozenset({b"upgrade", b"keep-alive"})
_ONCE = (b"upgrade", b"sec-websocket-key", b"sec-websocket-version")
_WITH_A_BODY = (b"content-length", b"transfer-encoding", b"expect")


def judge_opening(
    method: bytes,
    target: bytes,
    headers: list[tuple[bytes, bytes]],
    named: dict[bytes, bytes],
    limits: HttpLimits,
) -> None:
    """It asks for a WebSocket where there may be one; any other upgrade is a `Refusal`.

    `named` holds the headers by name, with all that Connection says.
    """
    names = [name for name, _ in headers]
    options = {
        one.strip(b" \t") for one in named.get(b"connection", b"").lower().split(b",")
    }
    if not (
        limits.upgrades_below is not None
        and target.startswith(limits.upgrades_below)
        and method == b"GET"
        and named[b"upgrade"].lower() == b"websocket"
        and b"upgrade" in options <= _OPTIONS
        and named.get(b"sec-websocket-version") == b"13"
        and _KEY.fullmatch(named.get(b"sec-websocket-key", b""))
        and all(names.count(name) == 1 for name in _ONCE)
        and not any(name in named for name in _WITH_A_BODY)
    ):
        raise Refusal(400)
