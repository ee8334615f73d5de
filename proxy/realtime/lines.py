"""The bytes below the two sides of a session; the end of a line reads as b""."""

from __future__ import annotations

from typing import Protocol

from proxy.answer import Answer, UpstreamCut
from proxy.client import Client

STOP = "clawbot.stop"  # the server's, once, before it stops


class ServerStops(Exception):
    """The process ends soon: so must the session."""


class Pipe(Protocol):
    """A line's two directions."""

    async def read(self) -> bytes:
        """What has come, as soon as something has; b"" at the end."""

    async def write(self, data: bytes) -> None:
        """Send, once there is room; nothing, if the line is gone."""


class ClientPipe:
    """The bot's line, behind our 101."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def read(self) -> bytes:
        """Raises `ServerStops` once, when the server says so."""
        while True:
            message = await self._client.hear()
            if message["type"] == STOP:
                raise ServerStops
            if message["type"] != "http.request":
                return b""
            if message["body"]:
                data: bytes = message["body"]
                return data

    async def write(self, data: bytes) -> None:
        await self._client.put(data)


class VendorPipe:
    """The vendor's line, behind its 101."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def read(self) -> bytes:
        try:
            return await self._answer.read()
        except UpstreamCut:
            return b""

    async def write(self, data: bytes) -> None:
        line = self._answer.line
        if line is None:
            return
        try:
            await line.send(data)
        except UpstreamCut:
            return  # whoever reads it is told
