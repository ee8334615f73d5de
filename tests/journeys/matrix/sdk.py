"""What every SDK of the matrix is asked to do, whatever it calls it.

Each SDK is imported by whoever opens it: one process of a test run pays for them all.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

HELLO = "hello"
MESSAGES: list[Any] = [{"role": "user", "content": HELLO}]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
}
FUNCTION: dict[str, Any] = {
    "name": "look_up",
    "description": "Looks something up.",
    "parameters": SCHEMA,
}
TOOL: dict[str, Any] = {"type": "function", "function": FUNCTION}


class ToolCall(NamedTuple):
    """What the model wants to be called."""

    name: str
    arguments: Any


class Sdk(Protocol):
    """An SDK's client, told a base URL and a bot's token and nothing else."""

    refused: type[Exception]  # what it raises when nobody knows the token
    limited: type[Exception]  # ... when the vendor wants it to wait

    def ask(self, model: str) -> str: ...

    def stream(self, model: str) -> str: ...

    def call(self, model: str) -> ToolCall: ...

    def stream_call(self, model: str) -> ToolCall: ...

    def embed(self, model: str) -> int:
        """How long the vector is."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """An SDK, and the vendor it is made for."""

    name: str
    vendor: str
    opened: Callable[[str, str], AbstractContextManager[Sdk]]  # proxy's /api/v1, token
    directives: str = ""  # what makes the simulator like that vendor
    embeds: bool = True

    def __str__(self) -> str:
        return self.name
