"""The sealed log, played in memory: nothing is sealed in it yet.

What is sealed is made by PostgreSQL's transactions, and is tested there.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from application.sealing import SignedCheckpoint
from domain.sealing.tiles import Tree


class MemorySealedLog:
    """Plays `SealedLog` and `TeamExport`."""

    def size(self) -> int:
        return 0

    def tree(self, size: int) -> Tree:
        return Tree(size, lambda _level, _n: b"")

    def header(self, team_id: UUID, index: int) -> bytes | None:  # noqa: ARG002
        return None

    def headers(
        self,
        team_id: UUID,  # noqa: ARG002
        *,
        after: int,  # noqa: ARG002
        limit: int,  # noqa: ARG002
    ) -> list[tuple[int, bytes]]:
        return []

    def latest(self) -> SignedCheckpoint | None:
        return None

    def lines(self, team_id: UUID) -> Iterator[bytes]:  # noqa: ARG002
        return iter(())
