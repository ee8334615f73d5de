"""In which language texts that come with the product are shown.

`?locale=` wins over `Accept-Language` (RFC 9110, 12.5.4); what is not there in any language
that was asked for is English.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Header, Query
from pydantic import StringConstraints

FALLBACK = "en"
MOST_LANGUAGES = 20

Locale = Annotated[
    str, StringConstraints(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
]


class Languages:
    """The languages that a caller reads, the liked best first."""

    def __init__(self, *names: str) -> None:
        self._names = tuple(name.lower() for name in names)

    def of(self, texts: Mapping[str, str]) -> str:
        """The text in the first language that there is; `zh` will do for `zh-CN`."""
        known = {name.lower(): text for name, text in texts.items()}
        for name in self._names:
            while name:
                if name in known:
                    return known[name]
                name = name.rpartition("-")[0]  # noqa: PLW2901 - lookup, RFC 4647, 3.4
        return known[FALLBACK]


def languages_of(accepted: str) -> Languages:
    """What the header asks for; parts that say nothing are left out."""
    found: list[tuple[float, str]] = []
    for part in accepted.split(",")[:MOST_LANGUAGES]:
        name, _, quality = part.strip().partition(";")
        try:
            wish = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if name and name != "*" and 0 < wish <= 1:
            found.append((wish, name.strip()))
    found.sort(key=lambda one: one[0], reverse=True)
    return Languages(*(name for _, name in found))


def _languages(
    locale: Annotated[Locale | None, Query()] = None,
    accept_language: Annotated[str, Header()] = "",
) -> Languages:
    return languages_of(accept_language) if locale is None else Languages(locale)


TheLanguages = Annotated[Languages, Depends(_languages)]
