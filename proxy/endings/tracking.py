"""What is remembered of a stream, so that it can be ended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.usage import Usage
from proxy.endings.framing import Frame


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """What is known before the first event."""

    call_id: str
    model: str | None  # the one that was asked for
    at: datetime
    usage_asked: bool = False  # the client itself wants a chunk of usage (OpenAI's chat)
    incremental: bool | None = None  # DashScope's `incremental_output`; None: not said


class Tracker(ABC):
    """Follows one stream's events. What is odd in them is passed over."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.ended = False  # nothing more may be said

    @abstractmethod
    def note(self, event: dict[str, Any]) -> None:
        """An event that the client has."""

    @abstractmethod
    def last_words(self, usage: Usage) -> Iterator[Frame]:
        """What is left to say of a stream that has not ended."""


def text(value: object) -> str:
    """The text, if it is one."""
    return value if type(value) is str else ""


def tokens(usage: Usage) -> tuple[int, int]:
    """Input and output; what nobody knows is 0, for clients want a number."""
    return usage.input_tokens or 0, usage.output_tokens or 0
