"""Which credentials a call carries: in clear only while it is answered."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import parse_qs

# The places in which vendors take a credential, the first one found counts.
PLACES = (b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key")


class Credentials(NamedTuple):
    """The credential that counts, and prints of all of them."""

    value: str
    sha256: str | None
    last4: str | None
    others_sha256: tuple[str, ...]


def credentials_of(headers: dict[bytes, bytes], query: bytes) -> Credentials:
    """What the headers and `?key=` carry; an empty value if there is none."""
    found = [value for place in PLACES if (value := headers.get(place))]
    in_query = parse_qs(query).get(b"key", []) if query else []
    return _prints(*found, *in_query)


@lru_cache(maxsize=4096)
def _prints(*sent: bytes) -> Credentials:
    if not sent:
        return Credentials("", None, None, ())
    values = [_without_scheme(each) for each in sent]
    prints = [sha256(value).hexdigest() for value in values]
    chosen = values[0].decode("latin-1")
    return Credentials(chosen, prints[0], chosen[-4:], tuple(prints[1:]))


def _without_scheme(value: bytes) -> bytes:
    scheme, has_space, token = value.partition(b" ")
    return token.strip() if has_space and scheme.lower() == b"bearer" else value
