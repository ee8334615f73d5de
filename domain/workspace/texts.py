"""What a text that people wrote must be before it goes into a bot's files.

Nothing is mended: a text that breaks a rule is refused, with the field it stands in, by
the command that brings it and again when it is rendered.
"""

from __future__ import annotations

import json
import re
from typing import Any

from domain.errors import InvalidFields

LONGEST_FILE = 20_000  # UTF-16 units, as OpenClaw counts what it reads of one file
LONGEST_SKILL = 60_000
LONGEST_LINE = 200
LONGEST_NAME = 64
DEEPEST = 32  # levels of JSON

# Control characters but tab and line feed, and halves of pairs.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9])*")


def check_text(field: str, text: str, *, longest: int = LONGEST_FILE) -> str:
    """The text, which may have several lines; `InvalidFields` names what is wrong."""
    if len(text) > longest:
        raise InvalidFields(**{field: "too-long"})
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    if _FORBIDDEN.search(plain):
        raise InvalidFields(**{field: "control-characters"})
    return plain


def check_line(field: str, text: str, *, longest: int = LONGEST_LINE) -> str:
    """The text, which is one line."""
    line = check_text(field, text, longest=longest)
    if "\n" in line or "\t" in line:
        raise InvalidFields(**{field: "control-characters"})
    return line.strip()


def check_name(field: str, name: str) -> str:
    """The name, which is good for a folder: lower case, digits, and `-` between them."""
    if len(name) > LONGEST_NAME or _NAME.fullmatch(name) is None:
        raise InvalidFields(**{field: "not-a-name"})
    return name


def json_object(field: str, text: str) -> dict[str, Any]:
    """What the JSON object says; refused if it is none, or holds what no text may."""
    if len(text) > LONGEST_SKILL:
        raise InvalidFields(**{field: "too-long"})
    try:
        read = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidFields(**{field: "not-json"}) from error
    if not isinstance(read, dict):
        raise InvalidFields(**{field: "not-an-object"})
    _check_within(field, read, DEEPEST)
    return read


def _no_constant(_: str) -> None:
    msg = "JSON has no NaN and no Infinity"
    raise ValueError(msg)


def _check_within(field: str, value: Any, levels: int) -> None:
    if levels == 0:
        raise InvalidFields(**{field: "too-deep"})
    if isinstance(value, str):
        check_text(field, value, longest=LONGEST_SKILL)
    elif isinstance(value, dict):
        for name, member in value.items():
            check_text(field, name, longest=LONGEST_LINE)
            _check_within(field, member, levels - 1)
    elif isinstance(value, list):
        for member in value:
            _check_within(field, member, levels - 1)
