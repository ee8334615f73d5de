"""How a call's event keeps its routing: as JSON without whatever is as it usually is.

A decision with all that it followed from has many fields and most of them say nothing, so
those at their defaults are left out; what reads the record fills them in again. A field
that is added later must have a default, and a default must never change.
"""

from __future__ import annotations

from dataclasses import Field, fields, is_dataclass
from functools import lru_cache
from typing import Any, TypeAlias
from uuid import UUID

from domain.routing_decision import Candidate, RoutingRecord, Skipped, Weighed
from domain.routing_facts import TargetState
from domain.routing_policy import RouteTarget

KeptRouting: TypeAlias = dict[str, Any]
"""A `RoutingRecord` as it is stored; pydantic reads it back (`TypeAdapter`)."""


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


def _target(target: RouteTarget) -> dict[str, str]:
    found = {"vendor": target.vendor, "model": target.model}
    if target.tag is not None:
        found["tag"] = target.tag
    if target.protocol is not None:
        found["protocol"] = target.protocol
    return found


def _candidate(one: Candidate) -> dict[str, Any]:
    target = _target(one.target)
    return {"target": target, "keys": _ids(one.keys), "why": one.why.value}


def _skipped(one: Skipped) -> dict[str, Any]:
    return {"target": _target(one.target), "why": one.why.value}


def _weighed(one: Weighed) -> dict[str, Any]:
    return {"target": _target(one.target), "state": _state(one.state)}


def _state(state: TargetState) -> dict[str, Any]:
    if state == TargetState(keys=state.keys):
        return {"keys": _ids(state.keys)}
    return _plain(state)


def _ids(keys: tuple[UUID, ...]) -> list[str]:
    return [_id(key) for key in keys]


@lru_cache(maxsize=4096)  # a bot's calls go to few keys
def _id(key: UUID) -> str:
    return str(key)


def _plain(value: Any, *, leave: tuple[str, ...] = ()) -> dict[str, Any]:
    """The dataclass as a dictionary of what is not as usual."""
    found: dict[str, Any] = {}
    for field in _fields(type(value)):
        name, inner = field.name, getattr(value, field.name)
        if inner is not field.default and inner != field.default and name not in leave:
            found[name] = _value(inner)
    return found


def _value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_value(one) for one in value]
    if isinstance(value, str | UUID):  # of an enumeration: what is written for it
        return str(value)
    return _plain(value) if is_dataclass(value) else value


def _fields(kind: type[Any]) -> tuple[Field[Any], ...]:
    found = _FIELDS.get(kind)
    if found is None:
        found = _FIELDS[kind] = fields(kind)
    return found


_FIELDS: dict[type[Any], tuple[Field[Any], ...]] = {}
