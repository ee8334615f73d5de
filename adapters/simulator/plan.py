"""What a connection is to send for one call, and how the call stands in the ledger.

The plan is made before the first byte is sent; the connection carries it out and says
how far it came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus

from adapters.simulator.ledger import Ledger, Traits, Usage
from adapters.simulator.rendering import JSON, Rendered
from adapters.simulator.script import USUAL, Script

SLICE = 65_536
LAST_CHUNK = b"0\r\n\r\n"
PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class Entry:
    """The ledger's entry for a call in the making."""

    ledger: Ledger
    number: int
    traits: Traits
    call_id: bytes | None
    rendered: Rendered | None
    answered: int = 0  # how many of the parts belong to the answer: the others are an error

    def write(self, parts_sent: int, outcome: str) -> None:
        """The call ended like this after so many parts."""
        stated, billed = None, Usage(0, 0)
        if self.rendered is not None:
            events = min(parts_sent, self.answered)
            stated, billed = self.rendered.stated(events), self.rendered.billed(events)
        self._add(stated, billed, outcome)

    def write_sums(self, stated: Usage | None, outcome: str) -> None:
        """A session ended like this, after it had stated so much in all."""
        self._add(stated, stated or Usage(0, 0), outcome)

    def _add(self, stated: Usage | None, billed: Usage, outcome: str) -> None:
        traits = self.traits
        if outcome != traits.outcome:
            traits = traits._replace(outcome=outcome)
        number, call_id = self.number, self.call_id
        self.ledger.add(number, traits, stated=stated, billed=billed, call_id=call_id)


@dataclass(slots=True)
class Plan:
    """The bytes of an answer, when to send them, and what follows."""

    head: bytes
    parts: list[bytes]
    tail: bytes = b""
    entry: Entry | None = None  # None: not a vendor's answer
    script: Script = field(default=USUAL)
    close: bool = False  # the connection ends with this answer

    def at_once(self) -> bool:
        """Whether everything can be written in one go."""
        script = self.script
        return not (script.slow or script.pace or script.stall is not None)


def head_of(status: int, content_type: bytes, *, length: int | None, extra: bytes) -> bytes:
    """Status line and headers; without a length the body comes in chunks."""
    size = (
        b"transfer-encoding: chunked" if length is None else b"content-length: %d" % length
    )
    if status == HTTPStatus.OK:
        line = b"200 OK"
    else:
        line = f"{status} {PHRASES.get(status, 'Overloaded')}".encode()
    return b"HTTP/1.1 %b\r\nserver: simulator\r\ncontent-type: %b\r\n%b\r\n%b\r\n" % (
        line,
        content_type,
        size,
        extra,
    )


def plan_of(rendered: Rendered, script: Script, entry: Entry, *, extra: bytes) -> Plan:
    """The rendered answer, with the script's cut or error worked in."""
    if not rendered.stream:
        return _whole(rendered, script, entry, extra)
    events = rendered.events
    if script.error is not None:
        kept = min(script.error, len(events) - rendered.ending)
        event = rendered.error_later if kept else rendered.error_first
        events = [*events[:kept], event]
        entry.answered = kept
    else:
        entry.answered = len(events)
    cut = script.cut is not None
    if cut:
        events = events[: script.cut]
    length = sum(map(len, events)) if script.sized else None
    head = head_of(200, rendered.content_type, length=length, extra=extra)
    chunked = (b"%x\r\n%b\r\n" % (len(event), event) for event in events)
    return Plan(
        head=head if not cut or events else b"",
        parts=events if script.sized else list(chunked),
        tail=b"" if cut or script.sized else LAST_CHUNK,
        entry=entry,
        script=script,
        close=cut,
    )


def _whole(rendered: Rendered, script: Script, entry: Entry, extra: bytes) -> Plan:
    """A body in one part; a big one in slices of which the last one states the usage."""
    body = rendered.events[0]
    head = head_of(200, rendered.content_type, length=len(body), extra=extra)
    plan = Plan(head=head, parts=[body], entry=entry, script=script)
    if len(body) > SLICE:
        plan.parts = [body[at : at + SLICE] for at in range(0, len(body), SLICE)]
        rendered.statements = [(len(plan.parts), usage) for _, usage in rendered.statements]
    entry.answered = len(plan.parts)
    if script.cut is not None:
        plan.close = True
        entry.answered = 0
        plan.parts = [body[: len(body) // 2]] if script.cut else []
        plan.head = head if script.cut else b""
    return plan


def error_plan(status: int, body: bytes, *, extra: bytes) -> Plan:
    """An error as one body."""
    head = head_of(status, JSON, length=len(body), extra=extra)
    return Plan(head=head, parts=[body])
