"""Ends a stream of a vendor in the vendor's own words, where a budget cuts it.

A client must be able to tell "this is as long as your budget lets it be" from a connection
that broke: so the stream is cut behind a whole event, what is open is closed, and its last
words are those of an answer that has reached its limit of tokens.

    ending = ending_for(format, content_type=..., opening=...)
    for event in ending.feed(piece):     whole events only; a begun one waits for its end
        ending.relayed(event)            of each that goes to the client
    ending.close(usage)                  what is left to say; or
    ending.rest()                        what waits, once nothing will be cut any more

It is made for calls with a hold alone; all others are relayed as they come.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import orjson

from domain.usage import Usage
from domain.vendors import Format
from proxy.endings.anthropic_messages import AnthropicTracker
from proxy.endings.cohere import CohereTracker
from proxy.endings.dashscope import DashScopeTracker
from proxy.endings.framing import Elements, Events, Frame, Framing, Lines
from proxy.endings.gemini import GeminiTracker
from proxy.endings.gemini_interactions import InteractionsTracker
from proxy.endings.ollama import OllamaTracker
from proxy.endings.openai_chat import ChatTracker
from proxy.endings.openai_responses import ResponsesTracker
from proxy.endings.tracking import Opening, Tracker

__all__ = ["Ending", "Opening", "ending_for"]

_TRACKERS: Mapping[Format, type[Tracker]] = MappingProxyType(
    {
        "openai-chat": ChatTracker,
        "openai-responses": ResponsesTracker,
        "anthropic-messages": AnthropicTracker,
        "gemini": GeminiTracker,
        "gemini-interactions": InteractionsTracker,
        "cohere-v2": CohereTracker,
        "ollama": OllamaTracker,
        "dashscope-native": DashScopeTracker,
    }
)
_LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})


class Ending:
    """One stream on its way, and how it could be ended now."""

    __slots__ = ("_closed", "_framing", "_tracker")

    def __init__(self, framing: Framing, tracker: Tracker) -> None:
        self._framing = framing
        self._tracker = tracker
        self._closed = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The events that are whole by now; the begun one waits, up to 1 MiB of it."""
        return self._framing.split(piece)

    def rest(self) -> bytes:
        """What waits for its end; it is forgotten here."""
        return self._framing.rest()

    def relayed(self, event: bytes) -> None:
        """Note an event that the client gets."""
        frame = self._framing.read(event)
        if isinstance(frame, Frame):
            self._tracker.ended = True
        elif frame is not None:
            self._tracker.note(frame)

    def close(self, usage: Usage) -> bytes:
        """What ends the stream behind what was relayed; what still waits is dropped.

        Nothing, where the stream has ended by itself, or where an event was so long that
        it had to be passed on before its end: then only the connection can be cut.
        """
        self._framing.rest()
        if self._framing.broken or self._closed:
            return b""
        self._closed = True
        frames = [] if self._tracker.ended else list(self._tracker.last_words(usage))
        try:
            return self._framing.write(frames)
        except orjson.JSONEncodeError:  # what the vendor sent is nested too deeply
            return b""


def ending_for(
    format: Format,  # noqa: A002
    *,
    content_type: str,
    opening: Opening,
) -> Ending | None:
    """How an answer of that type may be ended; None if it is no stream that we know."""
    tracker = _TRACKERS.get(format)
    kind = content_type.partition(";")[0].strip().lower()
    if tracker is None:
        return None
    framing: Framing
    if kind == "text/event-stream":
        framing = Events()
    elif kind in _LINES:
        framing = Lines()
    elif format == "gemini" and kind == "application/json":
        framing = Elements()
    else:
        return None
    return Ending(framing, tracker(opening))
