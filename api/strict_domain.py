"""The domain's own types as parts of request bodies, read as strictly as bodies are.

A routing policy is written as the domain has it, so there is no second set of shapes to
keep alike: no unknown field, no text where a number belongs. Mistakes are told under their
field; of a step, which may be one of three things, those of the one it looks like.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Any, Never, get_args

import orjson
from pydantic import TypeAdapter, ValidationError, WrapValidator
from pydantic_core import InitErrorDetails, PydanticCustomError

from domain.routing_policy import (
    CapabilityStep,
    ChainStep,
    RouteTarget,
    RoutingPolicy,
)

STEPS = {kind.__name__ for kind in (RouteTarget, ChainStep, CapabilityStep)}
PRIMARY = {"mode": "direct", "target": None}  # to the bot's primary model: no policy
MODES: dict[str, type[Any]] = {
    str(field.default): kind
    for kind in get_args(RoutingPolicy)
    for field in fields(kind)
    if field.name == "mode"
}


def strictly(kind: Any) -> WrapValidator:
    """For `Annotated[kind, strictly(kind)]` in a body."""
    return WrapValidator(lambda value, _: _read(kind, value))


def _policy(value: object, _: object) -> object:
    """A policy of the mode that it names; None for `direct` without a target."""
    if value == PRIMARY:
        return None
    mode = value.get("mode") if isinstance(value, dict) else None
    if not isinstance(mode, str) or mode not in MODES:
        wrong = PydanticCustomError("unknown_mode", "not a mode of routing")
        _refuse([InitErrorDetails(type=wrong, loc=("mode",), input=None)])
    return _read(MODES[mode], value)


A_POLICY = WrapValidator(_policy)  # for `Annotated[RoutingPolicy | None, A_POLICY]`


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _read(kind: Any, value: object) -> object:
    try:
        # As JSON: only there is a list a tuple, and an object a dataclass, if it is strict.
        text = orjson.dumps(value)
        return _adapter(kind).validate_json(text, strict=True, extra="forbid")
    except orjson.JSONEncodeError as error:  # a whole number beyond 64 bits
        raise PydanticCustomError("out_of_range", "a number is too large") from error
    except ValidationError as error:
        _refuse(list(_told(error, value)))


def _refuse(errors: list[InitErrorDetails]) -> Never:
    raise ValidationError.from_exception_data("body", errors)


def _told(error: ValidationError, value: object) -> Iterator[InitErrorDetails]:
    """The errors without those of the kinds of step that were not meant."""
    for one in error.errors(include_url=False, include_input=False):
        here, meant = value, True
        place: list[int | str] = []
        for part in one["loc"]:
            if part in STEPS:
                meant = meant and part == _looks_like(here)
                continue
            place.append(part)
            here = _inside(here, part)
        if meant:
            kind = one["type"]
            if kind == "unexpected_keyword_argument":
                kind = "extra_forbidden"
            context = one.get("ctx", {})
            yield InitErrorDetails(type=kind, loc=tuple(place), input=None, ctx=context)


def _looks_like(value: object) -> str:
    fields = value if isinstance(value, dict) else {}
    if "chain" in fields:
        return ChainStep.__name__
    return (CapabilityStep if "capability" in fields else RouteTarget).__name__


def _inside(value: object, part: int | str) -> object:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int):
        return value[part]
    return None
