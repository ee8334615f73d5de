"""The openings of a session (RFC 6455, section 4): to the vendor, and to the bot.

Ours to the vendor is built, never copied: a key of our own, no extensions, so that every
frame can be read, and the subprotocols that may pass.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from websockets.utils import accept_key

from proxy.answer import Answer, UpstreamError
from proxy.incoming import Asked, NotReadable, is_name
from proxy.realtime import protocols

Headers = list[tuple[bytes, bytes]]

MODEL_IN_QUERY = frozenset({"model", "deployment"})  # the other one is Azure's
MOST_FIELDS = 100
SWITCHING = 101
_KEY, _ACCEPT = b"sec-websocket-key", b"sec-websocket-accept"


def asked_in_query(query: bytes) -> Asked:
    """The model that the query names; `NotReadable` if that can be read in two ways."""
    try:
        fields = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise NotReadable from error
    models = [value for name, value in fields if name.lower() in MODEL_IN_QUERY]
    if len(models) > 1 or not all(model and is_name(model) for model in models):
        raise NotReadable
    return Asked(model=models[0] if models else None)


def opening(asked: Mapping[bytes, bytes]) -> Headers:
    """What makes a GET our opening to the vendor; `asked` are the headers of the bot's."""
    headers = [
        (b"connection", b"Upgrade"),
        (b"upgrade", b"websocket"),
        (b"sec-websocket-version", b"13"),
        (_KEY, b64encode(secrets.token_bytes(16))),
    ]
    offered = asked.get(protocols.HEADER)
    return headers if offered is None else [*headers, (protocols.HEADER, offered)]


def verified(answer: Answer, sent: Iterable[tuple[bytes, bytes]]) -> Answer:
    """The vendor's answer to our opening; `UpstreamError` if its 101 is none."""
    ours = dict(sent)
    key, offered = ours.get(_KEY, b""), ours.get(protocols.HEADER)
    if answer.status == SWITCHING and not _accepts(answer, key, offered):
        answer.abort()
        detail = "the vendor's 101 is no answer to our opening"
        raise UpstreamError("upstream-unreachable", detail, sent=True)
    return answer


def _accepts(answer: Answer, key: bytes, offered: bytes | None) -> bool:
    """Whether the 101 is to this very opening, and agrees to nothing we did not offer."""
    named = dict(answer.headers)
    names = [name for name, _ in answer.headers]
    chosen = named.get(protocols.HEADER)
    return (
        answer.line is not None
        and named.get(b"upgrade", b"").lower() == b"websocket"
        and named.get(_ACCEPT) == accept_key(key.decode()).encode()
        and names.count(_ACCEPT) == 1
        and b"sec-websocket-extensions" not in named
        and names.count(protocols.HEADER) <= 1
        and (chosen is None or chosen in (offered or b"").split(b", "))
    )


def granted(answer: Answer, asked: Mapping[bytes, bytes]) -> Headers:
    """What our own 101 says to the bot, beside the headers of every answer."""
    key = asked.get(_KEY, b"").decode("latin-1")
    chosen = dict(answer.headers).get(protocols.HEADER)
    headers = [(_ACCEPT, accept_key(key).encode())]
    return headers if chosen is None else [*headers, (protocols.HEADER, chosen)]
