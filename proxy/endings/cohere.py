"""Cohere's chat: what is open is ended, then `finish_reason` "MAX_TOKENS"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from domain.usage import Usage
from proxy.demand.shape import whole
from proxy.endings.framing import Frame
from proxy.endings.tracking import Opening, Tracker, text, tokens

_OPENED = frozenset({"content", "tool-call", "citation"})


class CohereTracker(Tracker):
    """Follows what was started and not ended."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._id = ""
        self._open: dict[tuple[str, int], None] = {}

    def note(self, event: dict[str, Any]) -> None:
        kind = text(event.get("type"))
        what, _, verb = kind.rpartition("-")
        if kind == "message-start":
            self._id = text(event.get("id")) or self.opening.call_id
        elif kind == "message-end" or (not kind and event.get("message")):
            self.ended = True
        elif what in _OPENED:
            index = whole(event.get("index")) or 0
            if verb == "start":
                self._open[what, index] = None
            elif verb == "end":
                self._open.pop((what, index), None)

    def last_words(self, usage: Usage) -> Iterator[Frame]:
        if not self._id:
            self._id = self.opening.call_id
            message = {"role": "assistant", "content": [], "tool_calls": []}
            yield _named("message-start", id=self._id, delta={"message": message})
        for what, index in reversed(self._open):
            yield _named(f"{what}-end", index=index)
        into, out = tokens(usage)
        counted = {"input_tokens": into, "output_tokens": out}
        delta = {
            "finish_reason": "MAX_TOKENS",
            "usage": {"billed_units": counted, "tokens": counted},
        }
        yield _named("message-end", id=self._id, delta=delta)


def _named(kind: str, **said: object) -> Frame:
    return Frame({"type": kind, **said}, name=kind)
