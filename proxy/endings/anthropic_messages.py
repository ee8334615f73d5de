"""Anthropic's messages: every block is stopped, then `stop_reason` "max_tokens"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from domain.usage import Usage
from proxy.demand.shape import inner, whole
from proxy.endings.framing import Frame
from proxy.endings.tracking import Opening, Tracker, tokens


class AnthropicTracker(Tracker):
    """Follows the blocks."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._started = False
        self._stopped = False  # the reason for the end was given
        self._open: set[int] = set()

    def note(self, event: dict[str, Any]) -> None:
        match event.get("type"):
            case "message_start":
                self._started = True
            case "content_block_start":
                self._open.add(whole(event.get("index")) or 0)
            case "content_block_stop":
                self._open.discard(whole(event.get("index")) or 0)
            case "message_delta":
                self._stopped = bool(inner(event, "delta").get("stop_reason"))
            case "message_stop" | "error":
                self.ended = True

    def last_words(self, usage: Usage) -> Iterator[Frame]:
        if not self._started:
            yield self._start(usage)
        for index in sorted(self._open):
            yield _named({"type": "content_block_stop", "index": index})
        if not self._stopped:
            delta = {"stop_reason": "max_tokens", "stop_sequence": None}
            counted = {"output_tokens": tokens(usage)[1]}
            yield _named({"type": "message_delta", "delta": delta, "usage": counted})
        yield _named({"type": "message_stop"})

    def _start(self, usage: Usage) -> Frame:
        message: dict[str, Any] = {
            "id": f"msg_{self.opening.call_id}",
            "type": "message",
            "role": "assistant",
            "model": self.opening.model or "",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": tokens(usage)[0], "output_tokens": 0},
        }
        return _named({"type": "message_start", "message": message})


def _named(data: dict[str, Any]) -> Frame:
    return Frame(data, name=data["type"])
