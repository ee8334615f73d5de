"""Gemini's interactions: every step is stopped, then the status "incomplete"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from domain.usage import Usage
from proxy.demand.shape import inner, whole
from proxy.endings.framing import Frame
from proxy.endings.tracking import Opening, Tracker, tokens


class InteractionsTracker(Tracker):
    """Follows the steps."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._interaction: dict[str, Any] = {
            "id": opening.call_id,
            "model": opening.model or "",
            "status": "in_progress",
        }
        self._created = False
        self._open: set[int] = set()

    def note(self, event: dict[str, Any]) -> None:
        match event.get("event_type"):
            case "interaction.created":
                self._created = True
                self._interaction |= inner(event, "interaction")
            case "step.start":
                self._open.add(whole(event.get("index")) or 0)
            case "step.stop":
                self._open.discard(whole(event.get("index")) or 0)
            case "interaction.completed" | "error":
                self.ended = True

    def last_words(self, usage: Usage) -> Iterator[Frame]:
        if not self._created:
            yield _named("interaction.created", interaction=self._interaction)
        for index in sorted(self._open):
            yield _named("step.stop", index=index)
        into, out = tokens(usage)
        counted = {
            "total_input_tokens": into,
            "total_output_tokens": out,
            "total_tokens": into + out,
        }
        ended = self._interaction | {"status": "incomplete", "usage": counted}
        yield _named("interaction.completed", interaction=ended)


def _named(kind: str, **said: object) -> Frame:
    return Frame({"event_type": kind, **said}, name=kind)
