"""What is read from one answer: its usage, its model, its error, how it ended.

A `Tally` collects what one answer says; each format has its own and is fed by a framer
(`framing`, `json_array`) with whole JSON texts. A `Reading` is what the relay is told.
Counts follow `domain.calls.Usage`: None is unknown, never 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Protocol

from msgspec import Raw, Struct

from domain.usage import TIERS, UNKNOWN, OtherUnits, Usage, UsageSource
from proxy.usage.shapes import Number, count

LONGEST_MODEL = 200  # characters
_TIERS = {b'"%b"' % tier.encode(): tier for tier in TIERS}  # as they stand in JSON

Where = Literal["http_body", "stream_event", "final_chunk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSeen:
    """A vendor's error in its own words, which are not to be trusted."""

    type: str | None
    code: str | int | None
    message: str | None
    where: Where


class Reading(Struct, frozen=True, kw_only=True, gc=False):  # six times a dataclass's speed
    """What an answer has said so far. The usage's source is never `estimated`."""

    usage: Usage
    model: str | None  # to price by: the answer's, else the requested one
    complete: bool  # a terminal mark or a finish reason was seen, and no error
    error: ErrorSeen | None
    output_bytes: int  # UTF-8 of generated text, reasoning and tool arguments
    goes_on: bool = False  # the vendor writes on behind this answer, for nobody to read


class UsageReader(Protocol):
    """Reads along while an answer is relayed. No method raises, whatever the bytes."""

    def feed(self, chunk: bytes) -> None:
        """Read the next bytes; at most one event or one body is held: 1 MiB of an event
        (16 of one with an image), 32 MiB of a body."""

    def end(self) -> None:
        """No more bytes will come; may be said twice."""

    @property
    def ended(self) -> bool:
        """Whether a stream's terminal mark was seen in what was fed."""

    @property
    def output_bytes(self) -> int:
        """UTF-8 of generated text, reasoning and tool arguments in what was fed."""

    def reading(self) -> Reading:
        """What was read so far; may be asked at any time."""


class Tally(ABC):
    """What one answer has said so far, in the numbers of `Usage`."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    total_tokens: int | None = None
    cost_micro_usd: int | None = None  # as the vendor says; believed of a finished answer
    other: OtherUnits | None = None
    model: str | None = None
    tier: str | None = None  # that it is served in, where that is one with another price
    output_bytes: int = 0
    error: ErrorSeen | None = None
    finished: bool = False  # the vendor said its last word: the numbers are final
    ended: bool = False  # a terminal mark was seen in a stream
    goes_on: bool = False  # it is written in the background, whoever listens
    untold: bool = False  # the numbers leave out what was written, final as they are
    # Whether an event that comes again tells nothing new, not even if its text is another.
    runs: ClassVar[bool] = False

    @abstractmethod
    def event(self, data: bytes) -> bool:
        """Add one event of a stream; False when it is no JSON object."""

    def is_last(self, data: bytes) -> bool:  # noqa: ARG002 (most formats cannot say)
        """Whether this line, whose end has not come yet, would end the stream."""
        return False

    @abstractmethod
    def body(self, data: bytes | bytearray) -> bool:
        """Add a whole body; False when it is no JSON object."""

    def add_up(self) -> None:  # noqa: B027 (most formats need nothing)
        """Bring the numbers of `Usage` up to date, where a format keeps its own."""

    def done(self) -> None:
        """Note the terminal mark that is no JSON: `[DONE]`."""
        self.ended = True
        self.finished = self.finished or self.error is None

    def fail(self, error: ErrorSeen | None) -> None:
        """Note an error; the first one stands."""
        self.error = self.error or error

    def also(self, **units: Number) -> None:
        """Note what is charged beside tokens; a 0 is no news, vendors write it always."""
        told: dict[str, Any] = {
            unit: number for unit, value in units.items() if (number := count(value))
        }
        if told:
            self.other = replace(self.other or OtherUnits(), **told)

    def served(self, tier: Raw) -> None:
        """Note the service tier; what is said last is true."""
        self.tier = _TIERS.get(bytes(tier))

    def named(self, model: str | None) -> None:
        """Note the model; a name too long to be one is not kept."""
        if model and len(model) <= LONGEST_MODEL:
            self.model = model

    def reading(self, requested_model: str | None) -> Reading:
        self.add_up()
        error = self.error
        answered = self.model if error is None or error.where != "http_body" else None
        return Reading(
            usage=self._usage(),
            model=answered or requested_model,
            complete=self.finished and error is None,
            error=error,
            output_bytes=self.output_bytes,
            goes_on=self.goes_on and not self.finished,
        )

    def _usage(self) -> Usage:
        cost = self.cost_micro_usd if self.finished else None
        other = self.other
        if self.tier is not None:
            other = replace(other or OtherUnits(), service_tier=self.tier)
        told = self.input_tokens or self.output_tokens or self.total_tokens
        if not (told or cost or self.other):
            unknown = UNKNOWN if self.tier is None else Usage(other=other)
            if self.error is not None:
                return unknown  # zeros beside an error are no report
            if self.input_tokens is self.output_tokens is self.total_tokens is cost is None:
                return unknown
        return Usage(
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cache_read_tokens=self.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens,
            cache_write_1h_tokens=self.cache_write_1h_tokens,
            reasoning_tokens=self.reasoning_tokens,
            total_tokens=self.total_tokens,
            reported_cost_micro_usd=cost,
            other=other,
            source=UsageSource.PARTIAL
            if self.untold or not self.finished
            else UsageSource.REPORTED,
        )


class Uncounted(Tally):
    """The tally of an answer whose format nobody here can read."""

    def event(self, data: bytes) -> bool:  # noqa: ARG002
        return False

    def body(self, data: bytes | bytearray) -> bool:  # noqa: ARG002
        return False
