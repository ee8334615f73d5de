"""Ollama's own chat and generate: a last line with `done_reason` "length"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from domain.usage import Usage
from proxy.endings.framing import Frame
from proxy.endings.tracking import Opening, Tracker, tokens


class OllamaTracker(Tracker):
    """Follows the lines."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._head: dict[str, Any] = {
            "model": opening.model or "",
            "created_at": opening.at.isoformat().replace("+00:00", "Z"),
        }
        self._generates = False  # else it chats

    def note(self, event: dict[str, Any]) -> None:
        for name in ("model", "created_at"):
            if event.get(name):
                self._head[name] = event[name]
        self._generates = "response" in event
        self.ended = self.ended or bool(event.get("done") or event.get("error"))

    def last_words(self, usage: Usage) -> Iterator[Frame]:
        into, out = tokens(usage)
        said: dict[str, Any] = {"message": {"role": "assistant", "content": ""}}
        if self._generates:
            said = {"response": ""}
        yield Frame(
            {
                **self._head,
                **said,
                "done": True,
                "done_reason": "length",
                "prompt_eval_count": into,
                "eval_count": out,
            }
        )
