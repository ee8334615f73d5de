"""What each event of a call adds to usage: to which calls, and how much."""

from __future__ import annotations

from typing import TypeAlias, assert_never
from uuid import UUID

from domain.calls import (
    CallAbandoned,
    CallAdmitted,
    CallCorrected,
    CallEvent,
    CallExtended,
    CallFacts,
    CallRefused,
    CallSettled,
    CallStatus,
)
from domain.usage import SERVED, Usage, UsageSource
from projections.latency_sketch import NOTHING, Sketch, sketch_of
from projections.usage import UsageTotals

NOBODY = UUID(int=0)  # stands for None in a key, which has no room for it

# Bot, its hostname, vendor, model, provider key, status and source, as they stand in rows.
Kind: TypeAlias = tuple[UUID, str, str, str, UUID, str, str]
Told: TypeAlias = list[tuple[Kind, UsageTotals]]

_REFUSED = UsageTotals(calls=1, refused=1)
_UNTIMED = 0, NOTHING, NOTHING  # nor did it go wrong
_made = UsageTotals._make


def told_by(event: CallEvent) -> Told:
    """Which kinds of calls the event adds to, and what."""
    match event:
        case CallAdmitted() | CallExtended():
            return []
        case CallRefused():
            kind = _kind(event.facts, CallStatus.REFUSED, UsageSource.NONE)
            return [(kind, _REFUSED)]
        case CallSettled():
            kind = _kind(event.facts, CallStatus.SETTLED, event.usage.source)
            used = _used(event.usage, event.cost_micro_usd)
            return [(kind, _made((1, 1, 0, 0, *used, *_went(event))))]
        case CallAbandoned():
            kind = _kind(event.facts, CallStatus.ABANDONED, event.usage.source)
            return [(kind, _made((1, 0, 0, 1, *_used(event.usage, None), *_UNTIMED)))]
        case CallCorrected():
            return _corrected(event)
        case _:
            assert_never(event)


def _corrected(event: CallCorrected) -> Told:
    """A corrected call stays among those that ended as it did at first.

    Its usage may be of another source now. Only abandoned calls get another usage, and of
    these no times are known that would have to go along.
    """
    before = _used(event.before, event.before_cost_micro_usd)
    now = _used(event.now, event.cost_micro_usd)
    kind = _kind(event.facts, event.ended_as, event.now.source)
    if event.before.source is event.now.source:
        difference = (n - b for n, b in zip(now, before, strict=True))
        return [(kind, _made((0, 0, 0, 0, *difference, *_UNTIMED)))]
    settled = int(event.ended_as is CallStatus.SETTLED)
    counts = (1, settled, 0, 1 - settled)
    was = _kind(event.facts, event.ended_as, event.before.source)
    return [
        (was, _made((*(-n for n in counts), *(-n for n in before), *_UNTIMED))),
        (kind, _made((*counts, *now, *_UNTIMED))),
    ]


def _kind(facts: CallFacts, status: CallStatus, source: UsageSource) -> Kind:
    model = facts.requested_model if facts.model is None else facts.model
    return (
        facts.bot_id or NOBODY,
        facts.hostname or "",
        facts.vendor,
        model or "",
        facts.provider_key_id or NOBODY,
        status.value,
        source.value,
    )


def _used(usage: Usage, cost_micro_usd: int | None) -> tuple[int, ...]:
    return (
        int(usage.input_tokens is None and usage.output_tokens is None),
        usage.input_tokens or 0,
        usage.output_tokens or 0,
        usage.cache_read_tokens or 0,
        usage.cache_write_tokens or 0,
        usage.reasoning_tokens or 0,
        cost_micro_usd or 0,
        int(cost_micro_usd is None),
    )


def _went(event: CallSettled) -> tuple[int, Sketch, Sketch]:
    """Whether it went wrong, and how long it took."""
    fine = event.error is None and event.http_status in SERVED
    times = sketch_of(event.duration_ms), sketch_of(event.first_byte_ms)
    return int(not fine), *times
