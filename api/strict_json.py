"""JSON as the API reads it: one meaning or none (security-baseline E5).

Refused are duplicate keys, NaN and infinities, NUL and lone surrogates, and what is deeper,
wider or longer than any request has reason to be.
"""

from __future__ import annotations

import json
import math
from typing import Any, Never

from api.refusals import Malformed

DEEPEST = 32
MOST_KEYS = 1_000
LONGEST_STRING = 64 * 1024  # bytes in UTF-8


def parse(body: bytes) -> object:
    """What the text says; `Malformed` if it is not plain JSON within the limits."""
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_object, parse_constant=_not_json
        )
    except (ValueError, RecursionError) as error:
        raise Malformed from error
    _check(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed
    return members


def _not_json(_: str) -> Never:
    raise Malformed


def _check(value: object) -> None:
    keys, waiting = 0, [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, str):
            _check_text(one)
        elif isinstance(one, float) and not math.isfinite(one):
            raise Malformed
        elif isinstance(one, dict | list):
            children = list(one.values()) if isinstance(one, dict) else one
            if isinstance(one, dict):
                keys += len(one)
                waiting += [(key, depth) for key in one]
            if depth > DEEPEST or keys > MOST_KEYS:
                raise Malformed
            waiting += [(child, depth + 1) for child in children]


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise Malformed
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:  # a lone surrogate
        raise Malformed from error
    if size > LONGEST_STRING:
        raise Malformed
