"""OpenAI's responses: every part and item is done, then `response.incomplete`.

The last event repeats the whole answer, so what is said is kept while it streams.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from domain.usage import Usage
from proxy.demand.shape import inner, whole
from proxy.endings.framing import Frame
from proxy.endings.responses_items import Item
from proxy.endings.tracking import Opening, Tracker, text, tokens

_LIFE = frozenset({"response.created", "response.queued", "response.in_progress"})
_ENDS = frozenset({"response.completed", "response.failed", "response.incomplete", "error"})


class ResponsesTracker(Tracker):
    """Follows the items."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._response: dict[str, Any] = {}
        self._items: dict[int, Item] = {}
        self._number = -1  # of the last event

    def note(self, event: dict[str, Any]) -> None:
        kind = text(event.get("type"))
        number = whole(event.get("sequence_number"))
        self._number = self._number + 1 if number is None else number
        index = whole(event.get("output_index"))
        if kind in _LIFE:
            self._response = inner(event, "response")
        elif kind in _ENDS:
            self.ended = True
        elif kind == "response.output_item.added" and index is not None:
            self._items[index] = Item(index, inner(event, "item"))
        elif index in self._items:
            self._items[index].note(kind, event)

    def last_words(self, usage: Usage) -> Iterator[Frame]:
        if not self._response:
            self._response = self._begun()
            yield self._numbered("response.created", {"response": self._response})
        output = []
        for index in sorted(self._items):
            item = self._items[index]
            for kind, said in item.last_words():
                yield self._numbered(kind, said)
            output.append(item.final)
        into, out = tokens(usage)
        ended = {
            "status": "incomplete",
            "incomplete_details": {"reason": "max_output_tokens"},
            "output": output,
            "usage": {
                "input_tokens": into,
                "input_tokens_details": {"cached_tokens": usage.cache_read_tokens or 0},
                "output_tokens": out,
                "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
                "total_tokens": into + out,
            },
        }
        yield self._numbered("response.incomplete", {"response": self._response | ended})

    def _begun(self) -> dict[str, Any]:
        return {
            "id": f"resp_{self.opening.call_id}",
            "object": "response",
            "created_at": int(self.opening.at.timestamp()),
            "status": "in_progress",
            "model": self.opening.model or "",
            "output": [],
            "error": None,
        }

    def _numbered(self, kind: str, said: dict[str, Any]) -> Frame:
        self._number += 1
        return Frame({"type": kind, "sequence_number": self._number, **said}, name=kind)
