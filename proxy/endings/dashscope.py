"""DashScope's own API: one more result, with `finish_reason` "length".

Where every event repeats the whole text (`incremental_output` false), the last one must
too, or the client is left with nothing. The caller may have said which it is; if not, what
is relayed tells, and a stream of one event is taken for a repeating one, as older models
are.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from domain.usage import Usage
from proxy.demand.shape import inner, listed
from proxy.endings.framing import Frame
from proxy.endings.tracking import Opening, Tracker, text, tokens

_UNFINISHED = frozenset({"", "null"})


class DashScopeTracker(Tracker):
    """Follows the output."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._output: dict[str, Any] = {}
        self._request_id = opening.call_id
        self._repeats = opening.incremental is not True
        self._count = 0

    def note(self, event: dict[str, Any]) -> None:
        self._count += 1
        self._request_id = text(event.get("request_id")) or self._request_id
        output = inner(event, "output")
        if event.get("code") not in {None, "", 200}:
            self.ended = True
        if not output:
            return
        if self.opening.incremental is None and self._repeats:
            before, now = _texts(self._output), _texts(output)
            self._repeats = all(
                new.startswith(old) for old, new in zip_longest(before, now, fillvalue="")
            )
        self._output = output
        reasons = [output, *listed(output.get("choices"))]
        told = {text(reason.get("finish_reason")) for reason in reasons}
        self.ended = self.ended or not told <= _UNFINISHED

    def last_words(self, usage: Usage) -> Iterator[Frame]:
        into, out = tokens(usage)
        data = {
            "output": self._last(),
            "usage": {
                "input_tokens": into,
                "output_tokens": out,
                "total_tokens": into + out,
            },
            "request_id": self._request_id,
        }
        number = str(self._count + 1).encode()
        lines = b"id:" + number + b"\nevent:result\n:HTTP_STATUS/200\n"
        yield Frame(data, lines=lines)

    def _last(self) -> dict[str, Any]:
        """The last output once more, or one that adds nothing to it."""
        output = self._output or {"choices": [{"message": {}}]}
        if "choices" not in output:
            said = output.get("text") if self._repeats else ""
            return {**output, "text": said, "finish_reason": "length"}
        choices = [
            {
                **choice,
                "message": self._message(inner(choice, "message")),
                "finish_reason": "length",
            }
            for choice in listed(output["choices"])
        ]
        return {**output, "choices": choices}

    def _message(self, said: dict[str, Any]) -> dict[str, Any]:
        if self._repeats and said:
            return said
        empty: list[object] | str = [] if type(said.get("content")) is list else ""
        return {"role": "assistant", "content": empty}


def _texts(output: dict[str, Any]) -> list[str]:
    """What was said so far, one text for each choice, if every event has all of it."""
    texts = [text(output.get("text"))]
    for choice in listed(output.get("choices")):
        content = inner(choice, "message").get("content")
        parts = [text(part.get("text")) for part in listed(content)]
        texts.append(text(content) or "".join(parts))
    return texts
