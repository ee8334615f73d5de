"""What is counted of calls: how many, how they ended, tokens, and what they waited for.

No label comes from a bot or a model: vendors are those of the catalog, statuses are three
digits, outcomes and codes are our own words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args
from uuid import UUID

from adapters.metrics.series import OTHER, Counter, Family, Histogram
from domain.calls import CallAdmitted, CallCorrected, CallEvent, CallSettled
from domain.usage import SERVED, Usage

# Seconds. A commit takes a millisecond or two, a model up to minutes.
COMMIT = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
ANSWER = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
KINDS = ("input", "output", "cache_read", "cache_write", "reasoning")
TOPICS = tuple(event.TOPIC for event in get_args(CallEvent))
NO_STATUS = "none"


class _OfVendor:
    """The cells of one vendor, looked up once."""

    __slots__ = ("duration", "first_byte", "tokens")

    def __init__(self, numbers: CallNumbers, vendor: str) -> None:
        self.first_byte = numbers.first_byte.cell((vendor,))
        self.duration = numbers.duration.cell((vendor,))
        self.tokens = tuple(numbers.tokens.cell((vendor, kind)) for kind in KINDS)

    def count(self, usage: Usage) -> None:
        """The order is that of `KINDS`."""
        whole_input, whole_output, cache_read, cache_write, reasoning = self.tokens
        whole_input[0] += usage.input_tokens or 0
        whole_output[0] += usage.output_tokens or 0
        cache_read[0] += usage.cache_read_tokens or 0
        cache_write[0] += usage.cache_write_tokens or 0
        reasoning[0] += usage.reasoning_tokens or 0


class CallNumbers:
    """Plays `Watch`; lives in one event loop."""

    def __init__(self, vendors: Iterable[str]) -> None:
        self.calls = Counter(
            "clawbot_calls_total",
            "Calls that ended or were refused, by what the vendor answered.",
            *("vendor", "status", "outcome"),
        )
        self.tokens = Counter(
            "clawbot_tokens_total",
            "Tokens of settled calls; the other kinds are parts of input and output.",
            *("vendor", "kind"),
        )
        self.refusals = Counter(
            "clawbot_refusals_total",
            "Answers of the proxy that are errors of its own.",
            "code",
        )
        self.first_byte = Histogram(
            "clawbot_first_byte_seconds",
            "From a call's beginning to the first byte of its vendor's answer.",
            "vendor",
            bounds=ANSWER,
        )
        self.duration = Histogram(
            "clawbot_call_seconds",
            "From a call's beginning to its settlement.",
            "vendor",
            bounds=ANSWER,
        )
        self.wait = Histogram(
            "clawbot_commit_wait_seconds",
            "From an event's entering the queue to its commit.",
            "event",
            bounds=COMMIT,
        )
        self.commit = Histogram(
            "clawbot_commit_seconds", "How long commits of events took.", bounds=COMMIT
        )
        self.batch = Histogram(
            "clawbot_commit_batch_size", "Events that shared a commit.", bounds=BATCH
        )
        self._known = frozenset(vendors)
        self._vendors: dict[str, _OfVendor] = {}
        self._waits = {topic: self.wait.cell((topic,)) for topic in TOPICS}

    @property
    def families(self) -> tuple[Family, ...]:
        return (
            self.calls,
            self.tokens,
            self.refusals,
            self.first_byte,
            self.duration,
            self.wait,
            self.commit,
            self.batch,
        )

    def recorded(self, call_id: UUID, event: CallEvent, waited_seconds: float) -> None:  # noqa: ARG002
        self.wait.observe(self._waits[event.TOPIC], waited_seconds)
        if isinstance(event, CallAdmitted):
            return
        vendor = event.facts.vendor
        if vendor not in self._known:
            vendor = OTHER
        if isinstance(event, CallSettled):
            self._settled(vendor, event)
        elif isinstance(event, CallCorrected):
            self.calls.add((vendor, event.http_status or NO_STATUS, event.reason))
            self._of(vendor).count(event.now)
        else:
            self.calls.add((vendor, NO_STATUS, event.TOPIC.removeprefix("call.")))

    def committed(self, size: int, seconds: float) -> None:
        self.batch.observe(self.batch.cell(()), size)
        self.commit.observe(self.commit.cell(()), seconds)

    def refused(self, code: str) -> None:
        self.refusals.add((code,))

    def _of(self, vendor: str) -> _OfVendor:
        try:
            return self._vendors[vendor]
        except KeyError:
            return self._vendors.setdefault(vendor, _OfVendor(self, vendor))

    def _settled(self, vendor: str, event: CallSettled) -> None:
        status = event.http_status or NO_STATUS
        self.calls.cell((vendor, status, outcome_of(event)))[0] += 1
        cells = self._of(vendor)
        self.duration.observe(cells.duration, event.duration_ms / 1000)
        if event.first_byte_ms is not None:
            self.first_byte.observe(cells.first_byte, event.first_byte_ms / 1000)
        cells.count(event.usage)


def outcome_of(event: CallSettled) -> str:
    """One word for how a call ended."""
    if event.error is not None:
        # What the vendor called its error is its own affair, and may be anything.
        return "vendor-error" if event.error.startswith("vendor:") else event.error
    if event.http_status not in SERVED:
        return "vendor-error"
    return "client-left" if event.client_left else "ok"
