"""The items of one of OpenAI's responses while they stream: messages, calls, reasoning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.demand.shape import inner, whole
from proxy.endings.tracking import text

Said = tuple[str, dict[str, Any]]  # an event's type, and what else it says

# What the texts of a part are called, by the events that bring them.
_TEXTS = {
    "response.output_text": ("output_text", "text"),
    "response.refusal": ("refusal", "refusal"),
    "response.reasoning_text": ("reasoning_text", "text"),
}
_CALLS = {
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
}
_SUMMARY = "response.reasoning_summary_text"


class _Text:
    """A text that grows, until it is done."""

    __slots__ = ("event", "head", "pieces", "state")

    def __init__(self, event: str, head: dict[str, Any]) -> None:
        self.event = event
        self.head = head
        self.pieces: list[str] = []
        self.state = 0  # 1: the text is done; 2: so is the part

    def note(self, verb: str, event: dict[str, Any], name: str) -> None:
        if verb == "delta":
            self.pieces.append(text(event.get("delta")))
        elif verb == "done":
            self.pieces = [text(event.get(name))]
            self.state = 1

    @property
    def whole(self) -> str:
        return "".join(self.pieces)


class Item:
    """One item of the output."""

    def __init__(self, index: int, item: dict[str, Any]) -> None:
        self._index = index
        self._item = item
        self._parts: dict[int, _Text] = {}
        self._summary: dict[int, _Text] = {}
        self._call: _Text | None = None
        self._done = False

    def note(self, kind: str, event: dict[str, Any]) -> None:
        """An event about this item."""
        family, _, verb = kind.rpartition(".")
        at = whole(event.get("content_index")) or 0
        if kind == "response.output_item.done":
            self._item, self._done = inner(event, "item"), True
        elif family in _TEXTS:
            part = self._parts.setdefault(at, _Text(family, {}))
            part.event = family
            part.note(verb, event, _TEXTS[family][1])
        elif family == "response.content_part":
            told = inner(event, "part")
            part = self._parts.setdefault(at, _Text(*_of_part(told)))
            given = text(told.get(_TEXTS[part.event][1]))
            if given and (verb == "done" or not part.pieces):
                part.pieces = [given]
            part.state = 2 if verb == "done" else part.state
        elif family == "response.output_text.annotation" and at in self._parts:
            noted = self._parts[at].head.setdefault("annotations", [])
            noted.append(event.get("annotation"))
        elif family in _CALLS:
            self._call = self._call or _Text(family, {})
            self._call.note(verb, event, _CALLS[family])
        elif family in {_SUMMARY, "response.reasoning_summary_part"}:
            at = whole(event.get("summary_index")) or 0
            part = self._summary.setdefault(at, _Text(_SUMMARY, {}))
            if family == _SUMMARY:
                part.note(verb, event, "text")
            elif verb == "done":
                part.state = 2

    @property
    def final(self) -> dict[str, Any]:
        """The item as far as it came."""
        if self._done:
            return self._item
        item = dict(self._item)
        if self._parts or "content" in item:
            item["content"] = [_part(self._parts[at]) for at in sorted(self._parts)]
        if self._summary:
            item["summary"] = [_summary(self._summary[at]) for at in sorted(self._summary)]
        if self._call is not None:
            item[_CALLS[self._call.event]] = self._call.whole
        return item | {"status": "incomplete"}

    def last_words(self) -> Iterator[Said]:
        """The events that are left to say that it is done."""
        if self._done:
            return
        about = {"item_id": self._item.get("id"), "output_index": self._index}
        for at in sorted(self._summary):
            yield from _summary_done(self._summary[at], about | {"summary_index": at})
        for at in sorted(self._parts):
            yield from _part_done(self._parts[at], about | {"content_index": at})
        if self._call is not None and not self._call.state:
            said = about | {_CALLS[self._call.event]: self._call.whole}
            if "name" in self._item:
                said["name"] = self._item["name"]
            yield f"{self._call.event}.done", said
        done = {"output_index": self._index, "item": self.final}
        yield "response.output_item.done", done


def _of_part(part: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Which events bring the text of this part, and what else it says."""
    kind = part.get("type")
    event = next((e for e, (name, _) in _TEXTS.items() if name == kind), None)
    return event or "response.output_text", part


def _part(part: _Text) -> dict[str, Any]:
    kind, name = _TEXTS[part.event]
    said: dict[str, Any] = {"annotations": []} if kind == "output_text" else {}
    return {**said, **part.head, "type": kind, name: part.whole}


def _summary(part: _Text) -> dict[str, Any]:
    return {"type": "summary_text", "text": part.whole}


def _part_done(part: _Text, about: dict[str, Any]) -> Iterator[Said]:
    kind, name = _TEXTS[part.event]
    if part.state < 1:
        said: dict[str, Any] = {"logprobs": []} if kind == "output_text" else {}
        yield f"{part.event}.done", {**about, name: part.whole, **said}
    if part.state < 2:  # noqa: PLR2004
        yield "response.content_part.done", {**about, "part": _part(part)}


def _summary_done(part: _Text, about: dict[str, Any]) -> Iterator[Said]:
    if part.state < 1:
        yield f"{_SUMMARY}.done", {**about, "text": part.whole}
    if part.state < 2:  # noqa: PLR2004
        yield "response.reasoning_summary_part.done", {**about, "part": _summary(part)}
