"""OpenAI's chat completions, and the legacy ones: `finish_reason` "length", `[DONE]`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from domain.usage import Usage
from proxy.demand.shape import listed, whole
from proxy.endings.framing import DONE, Frame
from proxy.endings.tracking import Opening, Tracker, tokens

LEGACY = "text_completion"
_SAID_ALWAYS = ("id", "object", "created", "model", "system_fingerprint", "service_tier")


class ChatTracker(Tracker):
    """Follows the choices."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._head: dict[str, Any] = {
            "id": f"chatcmpl-{opening.call_id}",
            "object": "chat.completion.chunk",
            "created": int(opening.at.timestamp()),
            "model": opening.model or "",
        }
        self._speaking: set[int] = set()
        self._finished: set[int] = set()
        self._usage_told = False

    def note(self, event: dict[str, Any]) -> None:
        for name in _SAID_ALWAYS:
            if event.get(name):
                self._head[name] = event[name]
        for choice in listed(event.get("choices")):
            index = whole(choice.get("index")) or 0
            done = bool(choice.get("finish_reason"))
            (self._finished if done else self._speaking).add(index)
        self._usage_told = self._usage_told or bool(event.get("usage"))
        self.ended = self.ended or bool(event.get("error"))

    def last_words(self, usage: Usage) -> Iterator[Frame]:
        cut = sorted(self._speaking - self._finished)
        if not (cut or self._finished):
            cut = [0]
        if cut:
            yield Frame(self._head | {"choices": [self._cut(index) for index in cut]})
        if self.opening.usage_asked and not self._usage_told:
            into, out = tokens(usage)
            counted = {
                "prompt_tokens": into,
                "completion_tokens": out,
                "total_tokens": into + out,
            }
            yield Frame(self._head | {"choices": [], "usage": counted})
        yield DONE

    def _cut(self, index: int) -> dict[str, Any]:
        if self._head["object"] == LEGACY:
            said: dict[str, Any] = {"text": "", "logprobs": None}
        else:
            said = {"delta": {}}
        return {"index": index, **said, "finish_reason": "length"}
