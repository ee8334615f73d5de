"""What containers take, from two readings of the engine's counters.

The engine would wait a second for the second reading itself, for each container. We keep
the last reading of each, so that only one that is new has to wait, and a shorter time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from docker import APIClient

from adapters.docker.failures import asked
from adapters.docker.seen import moment
from application.engines import ContainerStats
from domain.errors import NotFound

APART_SECONDS = 0.2  # the first two readings of a container
THREADS = 8


@dataclass(frozen=True)
class Reading:
    """The counter of CPU time at one moment."""

    at: datetime
    cpu_ns: int


class Counters:
    """The last reading of each container."""

    def __init__(self, client: APIClient) -> None:
        self._client = client
        self._last: dict[str, Reading] = {}
        self._lock = threading.Lock()

    def stats(self, bots: Mapping[str, UUID]) -> Sequence[ContainerStats]:
        """Of those of these containers, with their bots, that run. `EngineUnavailable`."""
        with self._lock:
            self._last = {one: last for one, last in self._last.items() if one in bots}
            with ThreadPoolExecutor(THREADS) as pool:
                new = [one for one in bots if one not in self._last]
                for one, counted in zip(new, pool.map(self._ask, new), strict=True):
                    if counted is not None:
                        self._last[one] = reading(counted)
                if new:
                    time.sleep(APART_SECONDS)
                answers = zip(bots, pool.map(self._ask, bots), strict=True)
                return [
                    self._between(one, bots[one], counted)
                    for one, counted in answers
                    if counted is not None
                ]

    def _ask(self, container_id: str) -> Mapping[str, Any] | None:
        try:
            with asked():
                counted: Mapping[str, Any] = self._client.stats(
                    container_id, stream=False, one_shot=True
                )
        except NotFound:
            return None
        return counted if counted.get("pids_stats", {}).get("current") else None

    def _between(
        self, container_id: str, bot_id: UUID, counted: Mapping[str, Any]
    ) -> ContainerStats:
        now = reading(counted)
        before = self._last.get(container_id, now)
        self._last[container_id] = now
        return stats_of(container_id, bot_id, counted, cpu_percent(before, now))


def reading(counted: Mapping[str, Any]) -> Reading:
    at = moment(counted["read"])
    if at is None:
        raise ValueError(counted["read"])
    return Reading(at, counted["cpu_stats"]["cpu_usage"]["total_usage"])


def cpu_percent(before: Reading, now: Reading) -> int:
    """Of one CPU, in hundredths of a percent; 0 where no time has passed."""
    passed = (now.at - before.at).total_seconds()
    used = max(0, now.cpu_ns - before.cpu_ns)
    return round(used / passed / 1e9 * 10_000) if passed > 0 else 0


def stats_of(
    container_id: str, bot_id: UUID, counted: Mapping[str, Any], cpu: int
) -> ContainerStats:
    """The engine's counters in our words; memory as `docker stats` shows it."""
    memory = counted.get("memory_stats") or {}
    details = memory.get("stats") or {}
    # What the kernel can take back at once: version 1 of control groups, or version 2.
    spare = details.get("total_inactive_file", details.get("inactive_file", 0))
    networks = (counted.get("networks") or {}).values()
    disk = (counted.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ()
    return ContainerStats(
        bot_id=bot_id,
        container_id=container_id,
        cpu_percent=cpu,
        memory_bytes=max(0, memory.get("usage", 0) - spare),
        memory_limit_bytes=memory.get("limit", 0),
        network_rx_bytes=sum(network["rx_bytes"] for network in networks),
        network_tx_bytes=sum(network["tx_bytes"] for network in networks),
        disk_read_bytes=sum(one["value"] for one in disk if one["op"].lower() == "read"),
        disk_write_bytes=sum(one["value"] for one in disk if one["op"].lower() == "write"),
        pids=counted.get("pids_stats", {}).get("current", 0),
    )
