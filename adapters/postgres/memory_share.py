"""How much of this machine's memory our own PostgreSQL keeps pages in.

An eighth: bots, proxies and the system's own cache of files need the rest. PostgreSQL's
default, 128 MB, is less than what pages about ten million calls read again and again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

SHARE = 8
LEAST_MB, MOST_MB = 128, 1024
LIMIT = Path("/sys/fs/cgroup/memory.max")  # of the container that we are in (cgroup v2)


def buffers_mb(limit: Path = LIMIT) -> int:
    """For `shared_buffers`, in MB: an eighth of the memory that we may use."""
    available = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # no such file, or no limit: "max"
        available = min(available, int(limit.read_text("ascii")))
    return min(max(available // SHARE // 2**20, LEAST_MB), MOST_MB)
