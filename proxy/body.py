"""A request's body on its way upstream."""

from __future__ import annotations

from typing import Protocol


class Body(Protocol):
    """A body that comes piece by piece."""

    @property
    def length(self) -> int | None:
        """How long it will be; None: nobody knows."""

    async def read(self) -> bytes:
        """The next piece, b"" at the end; what it raises ends the request."""
