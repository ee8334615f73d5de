"""A stream under a budget: only whole events go on, and it may have to end early.

Where no more can be held, the vendor is cut, and the stream ends in its own format's words
for an answer that has reached its limit (`endings`).
"""

from __future__ import annotations

from typing import cast

from application.ports import Meter
from domain.usage import Usage
from domain.vendors import Format
from proxy.allowance import Allowance
from proxy.endings import Ending, Opening, ending_for
from proxy.settlement import Progress


class Cutting:
    """One stream, what it may still write, and how it would be ended."""

    def __init__(self, allowance: Allowance, ending: Ending) -> None:
        self.allowance = allowance
        self._ending = ending

    def feed(self, piece: bytes) -> bytes:
        """What may be relayed by now: events that are whole."""
        events = self._ending.feed(piece)
        for event in events:
            self._ending.relayed(event)
        return b"".join(events)

    def rest(self) -> bytes:
        """What waits for its end, once no more comes."""
        return self._ending.rest()

    def close(self, usage: Usage) -> bytes:
        """What ends the stream behind what was relayed."""
        return self._ending.close(usage)


def cutting_of(
    meter: Meter, progress: Progress, kind: str, *, usage_withheld: bool
) -> Cutting | None:
    """For a stream that has to hold more as it goes on; None: all others."""
    holding, admitted = progress.holding, progress.admitted
    if holding is None or admitted.format is None or not holding.grows():
        return None
    facts = admitted.facts
    opening = Opening(
        call_id=str(progress.call_id),
        model=progress.requested_model or facts.requested_model,
        at=facts.admitted_at,
        usage_asked=not usage_withheld,
    )
    ending = ending_for(cast("Format", admitted.format), content_type=kind, opening=opening)
    if ending is None:
        return None
    return Cutting(Allowance(meter, progress.call_id, holding), ending)
