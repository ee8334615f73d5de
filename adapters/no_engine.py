"""The engine of a worker that has none: it runs no bots, and says so to whoever asks.

For a worker that does the other jobs (key checks, relays, webhooks) while one beside an
engine looks after the containers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NoReturn
from uuid import UUID

from application.engines import (
    ContainerStats,
    LogLine,
    NoEngineHere,
    Orphan,
)
from domain.containers import ContainerSpec, NetworkPolicy, SeenContainer


class NoEngine:
    """Plays `Engine`."""

    name = "none"  # no bot has this runtime

    def ping(self) -> str:
        _refuse()

    def containers(self) -> Sequence[SeenContainer]:
        _refuse()

    def create(self, spec: ContainerSpec) -> str:  # noqa: ARG002 - as the role has it
        _refuse()

    def start(self, container_id: str) -> None:  # noqa: ARG002
        _refuse()

    def stop(self, container_id: str, *, within_seconds: int) -> None:  # noqa: ARG002
        _refuse()

    def remove(self, container_id: str) -> None:  # noqa: ARG002
        _refuse()

    def update(self, container_id: str, spec: ContainerSpec) -> None:  # noqa: ARG002
        _refuse()

    def go_back(self, container_id: str) -> None:  # noqa: ARG002
        _refuse()

    def set_network(self, container_id: str, policy: NetworkPolicy) -> None:  # noqa: ARG002
        _refuse()

    def stats(self, container_ids: Sequence[str]) -> Sequence[ContainerStats]:  # noqa: ARG002
        _refuse()

    def logs(
        self,
        container_id: str,  # noqa: ARG002
        *,
        tail: int,  # noqa: ARG002
        since: datetime | None = None,  # noqa: ARG002
        follow: bool = False,  # noqa: ARG002
    ) -> Iterator[LogLine]:
        _refuse()

    def orphans(self, bot_ids: frozenset[UUID]) -> Sequence[Orphan]:  # noqa: ARG002
        _refuse()

    def discard(self, orphan: Orphan) -> None:  # noqa: ARG002
        _refuse()

    def events(self) -> Iterator[UUID]:
        _refuse()

    def close(self) -> None:
        """There is nothing to close."""


def _refuse() -> NoReturn:
    msg = "this worker has no container engine (CLAWBOT_RUNTIME=external)"
    raise NoEngineHere(msg)
