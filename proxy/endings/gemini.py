"""Gemini's generateContent, as events or as an array: `finishReason` "MAX_TOKENS"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from domain.usage import Usage
from proxy.demand.shape import inner, listed, whole
from proxy.endings.framing import Frame
from proxy.endings.tracking import Opening, Tracker, tokens

_SAID_ALWAYS = ("modelVersion", "responseId")


class GeminiTracker(Tracker):
    """Follows the candidates."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._head: dict[str, Any] = {
            "modelVersion": (opening.model or "").removeprefix("models/"),
            "responseId": opening.call_id,
        }
        self._speaking: set[int] = set()
        self._finished: set[int] = set()

    def note(self, event: dict[str, Any]) -> None:
        for name in _SAID_ALWAYS:
            if event.get(name):
                self._head[name] = event[name]
        for candidate in listed(event.get("candidates")):
            index = whole(candidate.get("index")) or 0
            done = bool(candidate.get("finishReason"))
            (self._finished if done else self._speaking).add(index)
        blocked = inner(event, "promptFeedback").get("blockReason")
        over = bool(self._finished) and not self._speaking - self._finished
        self.ended = self.ended or bool(event.get("error") or blocked or over)

    def last_words(self, usage: Usage) -> Iterator[Frame]:
        into, out = tokens(usage)
        cut = sorted(self._speaking - self._finished) or [0]
        candidates = [
            {
                "content": {"parts": [{"text": ""}], "role": "model"},
                "finishReason": "MAX_TOKENS",
                "index": index,
            }
            for index in cut
        ]
        counted = {
            "promptTokenCount": into,
            "candidatesTokenCount": out,
            "totalTokenCount": into + out,
        }
        yield Frame({"candidates": candidates, "usageMetadata": counted, **self._head})
