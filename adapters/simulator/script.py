"""Directives: how a call tells the simulator to misbehave.

They stand after a plus sign in the model's name (`gpt-5-mini+slow=200+cut=3`), in the
header `x-sim` (`slow=200,cut=3`), or in a credential that begins with `sim+`, `sk-sim+`
or the like (`sk-sim+status=429`: one key of several is out of breath). Commas and plus
signs both separate. The header overrides the model, which overrides the credential.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

HOUR_MS = 3_600_000
SCRIPTED_CREDENTIAL = re.compile(r"[\w-]*\bsim\+(?P<directives>.+)")


class BadDirective(Exception):
    """A directive is unknown or its value cannot be; the text names it."""


@dataclass(frozen=True, slots=True)
class Script:
    """What is asked for beyond a usual answer."""

    slow: int = 0  # milliseconds before the first byte
    pace: int = 0  # milliseconds between two chunks
    tokens: int | None = None  # exact length of the answer's text
    big: int | None = None  # its length in bytes; wins over tokens
    cut: int | None = None  # the connection ends after so many chunks
    error: int | None = None  # the vendor's error event follows so many chunks
    stall: int | None = None  # nothing follows so many chunks; at 0 no headers either
    status: int | None = None  # refused with this status, in the vendor's shape
    code: str | None = None  # with status: the vendor's code, and no retry-after
    say: str | None = None  # the one word of the answer's text
    one_in: int = 1  # with status: of so many calls one, whichever
    retry: int = 1  # with status 429, 503, 529: the retry-after, in seconds
    reasoning: int = 0  # reasoning tokens
    cached: int = 0  # input tokens read from the vendor's cache
    nousage: bool = False  # no usage is reported
    echo: bool = False  # the credential stands in the text, or in the error's message
    mistral: bool = False  # a chat's stream states its usage unasked, calls in one chunk
    sized: bool = False  # a stream tells its length beforehand, as one does that was kept
    tool: bool = False  # a tool is called, unless its result has come; wins over texts


USUAL = Script()

# Each number's default when it is named without one (None: it needs one), and its bounds.
NUMBERS: dict[str, tuple[int | None, int, int]] = {
    "slow": (500, 0, HOUR_MS),
    "pace": (20, 0, HOUR_MS),
    "tokens": (None, 0, 4_000_000),
    "big": (None, 0, 64 << 20),
    "cut": (0, 0, 1 << 30),
    "error": (0, 0, 1 << 30),
    "stall": (0, 0, 1 << 30),
    "status": (None, 400, 599),
    "one_in": (2, 1, 1_000),
    "retry": (1, 0, 86_400),
    "reasoning": (20, 0, 1_000_000),
    "cached": (10, 0, 1 << 30),
}
SWITCHES = frozenset({"nousage", "echo", "mistral", "sized", "tool"})
NUMBER = re.compile(r"[0-9]{1,12}")
WORDS = frozenset({"code", "say"})
WORD = re.compile(r"\w{1,64}")


def script_of(credential: str, in_model: str, in_header: str) -> Script:
    """What the three places ask for together; raises BadDirective."""
    in_credential = ""
    if "sim+" in credential and (found := SCRIPTED_CREDENTIAL.fullmatch(credential)):
        in_credential = found["directives"]
    if not (in_credential or in_model or in_header):
        return USUAL
    return _parsed(in_credential, in_model, in_header)


@lru_cache(maxsize=4096)
def _parsed(*places: str) -> Script:
    asked: dict[str, int | str | bool] = {}
    for place in places:
        for directive in re.split(r"[+,]", place):
            if directive.strip():
                name, value = _directive(directive.strip())
                asked[name] = value
    return Script(**asked)  # type: ignore[arg-type]  # _directive pairs names and types


def _directive(text: str) -> tuple[str, int | str | bool]:
    name, has_value, value = text.partition("=")
    if name in SWITCHES and not has_value:
        return name, True
    if name in WORDS and WORD.fullmatch(value):
        return name, value
    if name in NUMBERS:
        return name, _number(text, name, value if has_value else None)
    known = ", ".join(sorted({*NUMBERS, *SWITCHES, *WORDS}))
    msg = f"unknown simulator directive {text!r}; known are: {known}"
    raise BadDirective(msg)


def _number(text: str, name: str, value: str | None) -> int:
    default, least, most = NUMBERS[name]
    if value is None and default is not None:
        return default
    if value is not None and NUMBER.fullmatch(value) and least <= int(value) <= most:
        return int(value)
    msg = f"simulator directive {text!r} needs a whole number from {least} to {most}"
    raise BadDirective(msg)
