"""Calls: one stream per proxied call, admitted or refused, then ended exactly once.

    CallRefused                                  nothing was sent
    CallAdmitted -> CallSettled                  what the vendor reported, or our estimate
                 -> CallAbandoned                its process died; closed by the reaper
                 (either) -> CallCorrected       a better number came later; it wins

Ends repeat who called what (`CallFacts`), so that each can be added up by itself.
Token counts are whole numbers; None means unknown and is never written as 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from domain.errors import Conflict
from domain.events import Event


class UsageSource(StrEnum):
    """How far a usage can be trusted."""

    REPORTED = "reported"  # the vendor's own final numbers
    PARTIAL = "partial"  # the stream broke off after some numbers
    ESTIMATED = "estimated"  # counted by us from what was sent and relayed
    NONE = "none"  # nothing is known


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherUnits:
    """What some calls are charged by beside tokens, or instead of them."""

    web_searches: int | None = None
    search_units: int | None = None  # Cohere's, for reranking
    images: int | None = None
    audio_ms: int | None = None
    audio_input_tokens: int | None = None  # part of input_tokens
    audio_output_tokens: int | None = None  # part of output_tokens
    billed_input_tokens: int | None = None  # where a vendor bills fewer than it counts
    billed_output_tokens: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens of one call, by one convention for all vendors.

    `input_tokens` is the whole prompt with cache reads and writes in it;
    `output_tokens` is all that was generated, reasoning included.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    total_tokens: int | None = None
    reported_cost_micro_usd: int | None = None  # by the vendor itself
    other: OtherUnits | None = None
    source: UsageSource = UsageSource.NONE


UNKNOWN = Usage()


class CallStatus(StrEnum):
    """Where a call stands."""

    NEW = "new"
    OPEN = "open"
    REFUSED = "refused"
    SETTLED = "settled"
    ABANDONED = "abandoned"


@dataclass(frozen=True, kw_only=True, slots=True)
class CallFacts:
    """Who called what. `bot_id` is None for a check of a key by the worker."""

    team_id: UUID
    bot_id: UUID | None
    hostname: str | None
    vendor: str
    model: str | None  # the one the answer names, else the requested one
    requested_model: str | None
    provider_key_id: UUID | None
    admitted_at: datetime


@dataclass(frozen=True, kw_only=True)
class CallAdmitted(Event, topic="call.admitted"):
    """Recorded before the secret is opened and before a byte goes upstream."""

    facts: CallFacts
    process_id: UUID  # whose lease the call lives under
    secret_version: int
    format: str | None  # None: nothing in the answer is counted
    method: str
    path: str
    streaming: bool
    request_bytes: int
    input_estimate: int  # tokens
    changes: tuple[str, ...] = ()  # what we changed in the request


@dataclass(frozen=True, kw_only=True)
class CallRefused(Event, topic="call.refused"):
    """Recorded for a known bot only; a stranger leaves no trace in the log."""

    facts: CallFacts
    code: str


@dataclass(frozen=True, kw_only=True)
class CallSettled(Event, topic="call.settled"):
    """Recorded before the last byte reaches the client."""

    facts: CallFacts
    http_status: int | None  # None: no answer came
    usage: Usage
    cost_micro_usd: int | None
    price_source: str | None
    attempts: int
    first_byte_ms: int | None
    duration_ms: int
    client_left: bool
    error: str | None


@dataclass(frozen=True, kw_only=True)
class CallAbandoned(Event, topic="call.abandoned"):
    """The lease of the call's process ran out before an end was recorded."""

    facts: CallFacts
    usage: Usage


@dataclass(frozen=True, kw_only=True)
class CallCorrected(Event, topic="call.corrected"):
    """A settlement that came after another end: `now` replaces `before` in every total."""

    facts: CallFacts  # those of the end that it corrects, so that sums meet
    ended_as: CallStatus
    before: Usage
    now: Usage
    before_cost_micro_usd: int | None
    cost_micro_usd: int | None
    http_status: int | None
    reason: str


CallEvent = CallAdmitted | CallRefused | CallSettled | CallAbandoned | CallCorrected


class CallHasEnded(Conflict):
    """A call ends once."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call, as far as its own rules need to know it."""

    status: CallStatus = CallStatus.NEW
    abandoned: CallAbandoned | None = None

    def settle(self, settlement: CallSettled) -> list[CallEvent]:
        """End the call, or correct an abandonment; refused after an end of our own."""
        if self.status is CallStatus.OPEN:
            return [settlement]
        if self.status is CallStatus.ABANDONED and self.abandoned is not None:
            return [
                CallCorrected(
                    facts=self.abandoned.facts,
                    ended_as=CallStatus.ABANDONED,
                    before=self.abandoned.usage,
                    now=settlement.usage,
                    before_cost_micro_usd=None,
                    cost_micro_usd=settlement.cost_micro_usd,
                    http_status=settlement.http_status,
                    reason="settled-late",
                )
            ]
        raise CallHasEnded

    def evolve(self, event: CallEvent) -> Call:
        match event:
            case CallAdmitted():
                return replace(self, status=CallStatus.OPEN)
            case CallRefused():
                return replace(self, status=CallStatus.REFUSED)
            case CallSettled() | CallCorrected():
                return replace(self, status=CallStatus.SETTLED)
            case CallAbandoned():
                return replace(self, status=CallStatus.ABANDONED, abandoned=event)
            case _:
                assert_never(event)
