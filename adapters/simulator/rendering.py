"""What a dialect is given to render, and what it gives back.

A dialect knows one vendor's JSON and event shapes and nothing else: no timing, no
transport, no directives but those that change the answer's content.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from adapters.simulator.counting import tokens_of
from adapters.simulator.ledger import Usage

JSON = b"application/json"
SSE = b"text/event-stream; charset=utf-8"


class Refusal(Exception):
    """The call is answered with an error in the vendor's shape."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code


@dataclass(slots=True)
class Asked:
    """What a request for an answer says, as far as the simulator cares."""

    model: str  # with directives, if any
    input_tokens: int
    last_text: str  # of the user
    limit: int | None = None  # of output tokens
    stream: bool = False
    with_usage: bool = True
    tool: str = ""  # the one to call, should the script say so; "" once its result came
    manner: frozenset[str] = frozenset()  # how to write the answer, where one may choose


@dataclass(slots=True)
class Answer:
    """What is answered, in no vendor's shape yet."""

    core: str
    created: int  # Unix time in seconds
    model: str  # without directives
    text: str  # where a tool is called: its arguments, as JSON
    pieces: list[str]
    usage: Usage
    by_length: bool  # it ends because the limit was reached
    with_usage: bool
    tool: str = ""  # the one that is called
    manner: frozenset[str] = frozenset()  # as it was asked for
    mistral: bool = False  # a chat's stream is as Mistral's


@dataclass(slots=True)
class Rendered:
    """An answer in a vendor's bytes: one body, or a stream's events."""

    events: list[bytes]
    usage: Usage | None  # what a vendor charges for the whole of it
    content_type: bytes = JSON
    stream: bool = False
    pieces: list[str] = field(default_factory=list)
    first_piece: int = 0  # the event that carries the first piece; one each from there
    ending: int = 1  # how many events end the stream: they come after an answer's content
    statements: list[tuple[int, Usage]] = field(default_factory=list)
    error_first: bytes = b""  # the error event, should it be the first event
    error_later: bytes = b""

    def stated(self, events: int) -> Usage | None:
        """The usage a client knows after so many events."""
        known = None
        for after, usage in self.statements:
            if after > events:
                break
            known = usage
        return known

    def billed(self, events: int) -> Usage:
        """What a vendor charges that stopped after so many events."""
        if self.usage is None:
            return Usage(0, 0)
        if not self.stream or events >= len(self.events):
            return self.usage
        said = "".join(self.pieces[: max(0, events - self.first_piece)])
        return self.usage._replace(output=tokens_of(said) + self.usage.reasoning)


class Dialect(Protocol):
    """One vendor's format of requests and answers."""

    def asked(self, body: bytes, model: str) -> Asked:
        """What the body (and the model in the path) ask for; raises Refusal."""
        ...

    def plain(self, answer: Answer) -> Rendered:
        """The answer as one body."""
        ...

    def streamed(self, answer: Answer) -> Rendered:
        """The answer as events."""
        ...
