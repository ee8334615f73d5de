"""The end of a call: what it used, and the commit that its last byte waits for."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Protocol
from uuid import UUID

from application.ports import Meter, Prices
from domain.attempts import Attempt
from domain.calls import CallAdmitted, CallFacts, CallSettled
from domain.errors import Unavailable
from domain.events import but
from domain.prices import MOST_OF_A_CALL
from domain.usage import SERVED, UNWEIGHED, OtherUnits, Usage, UsageSource
from proxy.answer import UpstreamCut
from proxy.client import Client
from proxy.estimates import estimated_tokens
from proxy.holding import Holding
from proxy.incoming import is_name
from proxy.usage import Reading

HOLD_SECONDS = 10.0  # for the last byte, while the log is away; then the stream is cut
REALTIME = "openai-realtime"
CLIENT_LEFT = "client-left"
LONGEST_ERROR = 120  # characters
MOST_TOKENS = 10**9  # of one call, for the same reason as `MOST_OF_A_CALL`
TOKENS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "total_tokens",
)
_numbers_of = attrgetter(*TOKENS)


class LastByteHeld(UpstreamCut):
    """The settlement is not in the log yet: the client must not see the end."""


class Tries(Protocol):
    """What was tried for a call."""

    def told(self, reading: Reading | None) -> tuple[Attempt, ...]:
        """Every attempt, now that it is over; none if the first one was fine."""


@dataclass(kw_only=True, slots=True)
class Progress:
    """What has happened to one admitted call so far."""

    call_id: UUID
    admitted: CallAdmitted
    started: float  # monotonic seconds
    holding: Holding | None = None  # of budgets; None: none is asked
    tries: Tries | None = None
    attempts: int = 0
    # Whose answer it is, where it is not that of the admitted key, vendor or model.
    provider_key_id: UUID | None = None
    vendor: str | None = None
    requested_model: str | None = None
    http_status: int | None = None
    first_byte: float | None = None
    error: str | None = None
    sent: bool = False  # whether the vendor may have seen some of it
    unheard: bool = False  # it was given up before its answer began
    relayed: int = 0  # bytes of the answer's body


class Settlement:
    """Ends one call, once, with what is known by then."""

    def __init__(
        self, meter: Meter, prices: Prices, progress: Progress, client: Client
    ) -> None:
        self._meter = meter
        self._prices = prices
        self.progress = progress
        self._client = client
        self.done = False

    async def settle(self, reading: Reading | None) -> None:
        """The end is committed; `LastByteHeld` if that takes longer than 10 s.

        The meter goes on trying in that case: nothing is lost, the client just does not
        see an end that is not on record.
        """
        if self.done:
            return
        self.done = True
        settled = self._settled(reading)
        try:
            await self._meter.settle(
                self.progress.call_id, settled, within_seconds=HOLD_SECONDS
            )
        except Unavailable as error:
            raise LastByteHeld from error

    def _cost(self, usage: Usage, facts: CallFacts) -> tuple[int | None, str | None]:
        """What the call cost by the price of its admission, and who says so."""
        if not self.progress.sent:
            return 0, None
        if usage.source is UsageSource.NONE:
            return None, None
        cost, source = self._prices.priced(usage, facts)
        return None if cost is None else min(cost, MOST_OF_A_CALL), source

    def _settled(self, reading: Reading | None) -> CallSettled:
        progress, admitted, now = self.progress, self.progress.admitted, time.monotonic()
        first, usage = progress.first_byte, usage_of(progress, reading)
        tries, progress.tries = progress.tries, None  # they know each other: not for ever
        facts = but(
            admitted.facts,
            model=_model_of(reading),
            vendor=progress.vendor or admitted.facts.vendor,
            requested_model=progress.requested_model or admitted.facts.requested_model,
            provider_key_id=progress.provider_key_id or admitted.facts.provider_key_id,
        )
        cost, price_source = self._cost(usage, facts)
        return CallSettled(
            facts=facts,
            http_status=progress.http_status,
            usage=usage,
            cost_micro_usd=cost,
            price_source=price_source,
            attempts=progress.attempts,
            first_byte_ms=None
            if first is None
            else round((first - progress.started) * 1000),
            duration_ms=round((now - progress.started) * 1000),
            client_left=self._client.left,
            error=progress.error or (_error_of(reading) if reading else None),
            attempt_log=() if tries is None else tries.told(reading),
        )


def usage_of(progress: Progress, reading: Reading | None) -> Usage:
    """What the call used: as reported, else estimated from what was sent and relayed.

    An answer that is an error costs nothing that we know of; what was never sent costs
    nothing. What was written unseen for a client that did not wait for it is unknown, and
    so is what is written in the background.
    """
    if not progress.sent:
        return Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED)
    status = progress.http_status
    if reading is None or status not in SERVED:
        given_up = progress.unheard and status is None
        return _asked(progress.admitted) if given_up else Usage()
    usage, admitted = _bounded(reading.usage), progress.admitted
    if usage.source is UsageSource.REPORTED or admitted.format is None:
        return usage
    if admitted.format == REALTIME:
        return _with_unbilled(usage, reading.output_bytes)
    if admitted.format in UNWEIGHED:
        return _with_spoken(usage, progress)
    # Of a plain body that broke off no text could be read: its bytes are all there is.
    unread = not (reading.output_bytes or reading.complete or admitted.streaming)
    relayed = estimated_tokens(progress.relayed if unread else reading.output_bytes)
    unseen = usage.output_tokens is None and _is_unseen(progress, reading)
    return replace(
        usage,
        input_tokens=admitted.input_estimate
        if usage.input_tokens is None
        else usage.input_tokens,
        output_tokens=None if unseen else max(relayed, usage.output_tokens or 0),
        source=UsageSource.ESTIMATED
        if usage.source is UsageSource.NONE
        else UsageSource.PARTIAL,
    )


def _asked(admitted: CallAdmitted) -> Usage:
    """The usage of a call of which no more is known than what it asked."""
    if admitted.format is None or admitted.format == REALTIME:
        return Usage()
    weighed = admitted.format not in UNWEIGHED
    into = admitted.input_estimate if weighed else None
    return Usage(input_tokens=into, source=UsageSource.ESTIMATED)


def _is_unseen(progress: Progress, reading: Reading) -> bool:
    """Whether nobody saw, or not all the time, what a vendor may have written for long."""
    if reading.goes_on:
        return True
    if progress.error != CLIENT_LEFT or reading.output_bytes or progress.holding is None:
        return False
    return not progress.holding.demand.visible


def _with_spoken(usage: Usage, progress: Progress) -> Usage:
    """The usage with the characters that were to be spoken: sound as such tells nothing."""
    if usage.source is not UsageSource.NONE or progress.holding is None:
        return usage
    characters = progress.holding.demand.units.characters
    if characters is None:
        return usage
    other = OtherUnits(characters=characters)
    return replace(usage, other=other, source=UsageSource.ESTIMATED)


def _with_unbilled(usage: Usage, text_bytes: int) -> Usage:
    """The usage with an estimate of what was written that nobody has told the tokens of."""
    if not text_bytes:
        return usage
    nothing_told = usage.source is UsageSource.NONE
    return replace(
        usage,
        output_tokens=(usage.output_tokens or 0) + estimated_tokens(text_bytes),
        source=UsageSource.ESTIMATED if nothing_told else UsageSource.PARTIAL,
    )


def _bounded(usage: Usage) -> Usage:
    """The usage with no number above what can be."""
    for number in _numbers_of(usage):
        if number is not None and number > MOST_TOKENS:
            break
    else:
        return usage
    over: dict[str, Any] = {
        name: MOST_TOKENS for name in TOKENS if (getattr(usage, name) or 0) > MOST_TOKENS
    }
    return replace(usage, **over)


def _model_of(reading: Reading | None) -> str | None:
    """The model that the answer names, if that is one."""
    if reading is None or reading.model is None or not is_name(reading.model):
        return None
    return reading.model


def _error_of(reading: Reading) -> str | None:
    if reading.error is None:
        return None
    said = f"vendor:{reading.error.code or reading.error.type or 'error'}"
    return "".join(filter(str.isprintable, said[:LONGEST_ERROR]))
