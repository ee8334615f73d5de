"""The fields that a plugin or a channel is set up with, and what somebody gave for them.

`check_config` is the one judge: what it answers can be stored (secrets apart) and given to
a program later without another look.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from domain.errors import InvalidFields

Value = bool | int | float | str | tuple[str, ...] | None
Default = bool | int | str | tuple[str, ...] | None

MOST_FIELDS = 40
LARGEST_NUMBER = 2**53  # as far as JSON numbers mean the same to everybody
MOST_ITEMS = 50
LONGEST_TEXT = 4_000
LONGEST_KEY = 64
KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
# A private key has lines; nothing else of what is below a blank is of use to anybody.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class FieldType(StrEnum):
    """What a field holds."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ARRAY = "array"  # of strings


@dataclass(frozen=True, kw_only=True)
class ConfigField:
    """One field. A secret one is a string, lies in the vault and is never shown."""

    key: str
    type: FieldType = FieldType.STRING
    required: bool = False
    secret: bool = False
    default: Default = None
    choices: tuple[str, ...] = ()  # empty: anything
    labels: tuple[tuple[str, str], ...] = ()  # language and text
    example: str = ""


def check_config(
    fields: Sequence[ConfigField],
    given: Mapping[str, object],
    *,
    kept: Collection[str] = (),
    place: str = "config",
) -> tuple[str, dict[str, str]]:
    """The JSON object of what is no secret, defaults included; and the secrets by key.

    `kept` are secrets that are stored already and need not be given again. Refused with
    `InvalidFields`, each under `place.key`: unknown keys, missing ones, wrong values.
    """
    known = {one.key: one for one in fields}
    wrong = {key: "unknown-field" for key in given if key not in known}
    config: dict[str, Value] = {}
    secrets: dict[str, str] = {}
    for key, one in known.items():
        value = given.get(key)
        if value is None:
            value = one.default
        if value is None or value == "":
            if one.required and key not in kept:
                wrong[key] = "missing"
            continue
        code = wrong_value(one, value)
        if code is not None:
            wrong[key] = code
        elif one.secret:
            secrets[key] = str(value)
        else:
            config[key] = cast("Value", value)
    if wrong:
        raise InvalidFields(
            **{f"{place}.{key[:LONGEST_KEY]}": code for key, code in wrong.items()}
        )
    return json.dumps(config, ensure_ascii=False, sort_keys=True), secrets


def wrong_value(one: ConfigField, value: object) -> str | None:
    """What is wrong with the value for the field, as a code; None if nothing."""
    match one.type:
        case FieldType.BOOLEAN:
            return None if isinstance(value, bool) else "wrong-type"
        case FieldType.NUMBER:
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            in_reach = is_number and abs(cast("float", value)) <= LARGEST_NUMBER
            return None if in_reach else "wrong-type"  # NaN is not in reach of anything
        case FieldType.STRING:
            return _wrong_text(value, one.choices)
        case FieldType.ARRAY:
            return _wrong_array(value, one.choices)


def _wrong_array(value: object, choices: tuple[str, ...]) -> str | None:
    if not isinstance(value, list | tuple):
        return "wrong-type"
    if len(value) > MOST_ITEMS:
        return "too-long"
    codes = (_wrong_text(item, choices) for item in value)
    return next((code for code in codes if code is not None), None)


def _wrong_text(value: object, choices: tuple[str, ...]) -> str | None:
    if not isinstance(value, str):
        return "wrong-type"
    if choices and value not in choices:
        return "not-a-choice"
    if len(value) > LONGEST_TEXT:
        return "too-long"
    return "not-plain-text" if _UNPRINTABLE.search(value) else None


def check_fields(fields: Sequence[ConfigField]) -> None:
    """Refused with `InvalidFields` if the fields make no sense by themselves."""
    if len(fields) > MOST_FIELDS:
        raise InvalidFields(config_fields="too-many")
    wrong = dict(_wrong_fields(fields))
    if wrong:
        raise InvalidFields(**wrong)


def _wrong_fields(fields: Sequence[ConfigField]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for place, one in enumerate(fields):
        at = f"config_fields.{place}"
        if KEY.fullmatch(one.key) is None:
            yield f"{at}.key", "not-a-key"
        if one.key in seen:
            yield f"{at}.key", "twice"
        seen.add(one.key)
        if one.secret and (one.type is not FieldType.STRING or one.default is not None):
            yield f"{at}.secret", "secret-is-text-without-default"
        if one.choices and one.type not in {FieldType.STRING, FieldType.ARRAY}:
            yield f"{at}.enum", "not-for-this-type"
        if one.default is not None and wrong_value(one, one.default) is not None:
            yield f"{at}.default", "wrong-value"
