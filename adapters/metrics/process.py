"""Memory, time and files of this process, under the names that Prometheus' clients use."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from adapters.metrics.series import Gauge, one

PAGE_BYTES = resource.getpagesize()


def process_gauges() -> tuple[Gauge, ...]:
    """What Linux knows of us."""
    return (
        Gauge("process_resident_memory_bytes", "Resident memory.", read=one(_resident)),
        Gauge("process_open_fds", "Open files and sockets.", read=one(_open_files)),
        Gauge("process_cpu_seconds_total", "Time used by it.", read=one(_cpu)),
    )


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * PAGE_BYTES


def _open_files() -> float:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # names are all we want


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
