"""What containers take, from two readings of the engine's counters.

The engine reads its counters once a second: the next reading of a container comes within
one second, and two of them within two. We keep the last of each, so that only one that is
new has to wait for two, and ask for many at once.
"""

from __future__ import annotations

import threading
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

THREADS = 64


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
        with self._lock, ThreadPoolExecutor(THREADS) as pool:
            self._last = {one: last for one, last in self._last.items() if one in bots}
            answers = zip(bots, pool.map(self._ask, bots), strict=True)
            return [
                self._between(one, bots[one], counted)
                for one, counted in answers
                if counted is not None
            ]

    def _ask(self, container_id: str) -> Mapping[str, Any] | None:
        """The counters; with those of a second before, if we have no earlier ones."""
        try:
            with asked():
                counted: Mapping[str, Any] = self._client.stats(
                    container_id, stream=False, one_shot=container_id in self._last
                )
        except NotFound:
            return None
        return counted if counted.get("pids_stats", {}).get("current") else None

    def _between(
        self, container_id: str, bot_id: UUID, counted: Mapping[str, Any]
    ) -> ContainerStats:
        now = reading(counted)
        before = self._last.get(container_id) or _earlier(counted) or now
        self._last[container_id] = now
        return stats_of(container_id, bot_id, counted, cpu_percent(before, now))


def reading(counted: Mapping[str, Any]) -> Reading:
    """The newer reading of an answer."""
    at = moment(counted["read"])
    if at is None:
        raise ValueError(counted["read"])
    return Reading(at, counted["cpu_stats"]["cpu_usage"]["total_usage"])


def _earlier(counted: Mapping[str, Any]) -> Reading | None:
    """The older one; none of a container that has just been started."""
    at = moment(counted["preread"])
    return (
        None
        if at is None
        else Reading(at, counted["precpu_stats"]["cpu_usage"]["total_usage"])
    )


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
