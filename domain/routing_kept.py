"""How a call's event keeps its routing: as JSON without whatever is as it usually is.

A decision with all that it followed from has many fields and most of them say nothing, so
those at their defaults are left out; what reads the record fills them in again. A field
that is added later must have a default, and a default must never change.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias, cast
from uuid import UUID

from domain.routing_decision import Candidate, RoutingRecord, Skipped, Weighed
from domain.routing_facts import TargetState
from domain.routing_policy import RouteTarget

KeptRouting: TypeAlias = dict[str, Any]
"""A `RoutingRecord` as it is stored; pydantic reads it back (`TypeAdapter`). Never changed:
records share their parts."""


def kept(record: RoutingRecord) -> KeptRouting:
    """What `CallAdmitted.routing` holds."""
    decision = record.decision
    made = _plain(decision, leave=("candidates", "skipped"))
    made["candidates"] = [_candidate(one) for one in decision.candidates]
    if decision.skipped:
        made["skipped"] = [_skipped(one) for one in decision.skipped]
    routing = _plain(record, leave=("weighed", "decision"))
    routing["weighed"] = [_weighed(one) for one in record.weighed]
    routing["decision"] = made
    return routing


@lru_cache(maxsize=4096)  # policies name the same ones again and again
def _target(target: RouteTarget) -> dict[str, str]:
    found = {"vendor": target.vendor, "model": target.model}
    if target.tag is not None:
        found["tag"] = target.tag
    if target.protocol is not None:
        found["protocol"] = target.protocol
    return found


def _candidate(one: Candidate) -> dict[str, Any]:
    return {"target": _target(one.target), "keys": _ids(one.keys), "why": one.why.value}


def _skipped(one: Skipped) -> dict[str, Any]:
    return {"target": _target(one.target), "why": one.why.value}


def _weighed(one: Weighed) -> dict[str, Any]:
    return {"target": _target(one.target), "state": _state(one.state)}


@lru_cache(maxsize=4096)  # most are as they were when a call went there before
def _state(state: TargetState) -> dict[str, Any]:
    return _plain(state)


def _ids(keys: tuple[UUID, ...]) -> list[str]:
    return [_id(key) for key in keys]


@lru_cache(maxsize=4096)  # a bot's calls go to few keys
def _id(key: UUID) -> str:
    return str(key)


def _plain(value: Any, *, leave: tuple[str, ...] = ()) -> dict[str, Any]:
    """The dataclass as a dictionary of what is not as usual."""
    names, usual, values = _shape(cast("Hashable", type(value)), leave)
    found: dict[str, Any] = {}
    for name, default, inner in zip(names, usual, values(value), strict=True):
        if inner is not default and inner != default:
            found[name] = inner if type(inner) in _AS_IT_IS else _value(inner)
    return found


def _value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_value(one) for one in value]
    if isinstance(value, str | UUID):  # of an enumeration: what is written for it
        return str(value)
    if isinstance(value, RouteTarget):
        return _target(value)
    return _plain(value) if is_dataclass(value) else value


class _Shape(NamedTuple):
    """A dataclass's fields: their names, their defaults, and how to get them all."""

    names: tuple[str, ...]
    usual: tuple[Any, ...]
    values: Callable[[Any], tuple[Any, ...]]


_AS_IT_IS = frozenset({str, int, bool})


@lru_cache(maxsize=64)  # there are a dozen
def _shape(kind: Hashable, leave: tuple[str, ...]) -> _Shape:
    kept = [field for field in fields(cast("Any", kind)) if field.name not in leave]
    names = tuple(field.name for field in kept)
    return _Shape(names, tuple(field.default for field in kept), attrgetter(*names))
