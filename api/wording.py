"""What problems say to people, in their language: English, or Chinese for whoever asks.

The English sentence is the one that a refusal's class says; `wording.yaml` has the Chinese
for it, and what every code of a field means in both. A sentence or a code that is missing
there is said in English: a test tells which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from pydantic import BaseModel, ConfigDict

from api.locales import Languages
from api.shipped_texts import shipped

ENGLISH, CHINESE = "en", "zh"
_SHOWN_AS = {ENGLISH: "en", CHINESE: "zh-CN"}


class Wording(BaseModel):
    """`wording.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    marks: Mapping[str, tuple[str, str, str]]
    sentences: Mapping[str, str]
    fields: Mapping[str, Mapping[str, str]]


@cache
def wording() -> Wording:
    """The file, read once a process."""
    return Wording.model_validate(shipped("wording.yaml"))


def language_of(languages: Languages) -> str:
    """The language that a problem is put in, as `Content-Language` names it."""
    return _SHOWN_AS[_spoken(languages)]


def sentence(english: str, languages: Languages) -> str:
    """The sentence, which has no full stop, in the language that is liked best."""
    known = wording().sentences.get(english)
    return english if known is None or _spoken(languages) == ENGLISH else known


def explained(title: str, errors: Iterable[Mapping[str, str]], languages: Languages) -> str:
    """The title as a sentence, and what is wrong with each field."""
    spoken = _spoken(languages)
    stop, is_so, between = wording().marks[spoken]
    told = [f"{one['field']}{is_so}{_field(one['code'], spoken)}" for one in errors]
    parts = [title, between.join(told)] if told else [title]
    return "".join(f"{part}{stop}" for part in parts).rstrip()


def field_is(code: str) -> str:
    """What a code says of a field, in English, behind the field's name."""
    return _field(code, ENGLISH)


def _field(code: str, spoken: str) -> str:
    known = wording().fields.get(code)
    return code.replace("-", " ") if known is None else known[spoken]


def _spoken(languages: Languages) -> str:
    return languages.of({ENGLISH: ENGLISH, CHINESE: CHINESE})
