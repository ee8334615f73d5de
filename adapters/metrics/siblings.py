"""How processes that share one port know each other's numbers.

The kernel gives a scrape to any of them, so whoever gets it answers for all: each leaves
its lines in a file of a folder of theirs, every `LEAVE_SECONDS`. A file that has not been
written for `STALE_SECONDS` is of a process that is gone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import orjson

LEAVE_SECONDS = 2.0
STALE_SECONDS = 10.0
SUFFIX = ".json"

Lines = Mapping[str, list[str]]

log = logging.getLogger(__name__)


class Siblings:
    """The folder, as one of them has it."""

    def __init__(self, folder: Path, process: str) -> None:
        self._folder = folder
        self._own = folder / f"{process}{SUFFIX}"

    async def keep(self, lines: Callable[[], Lines]) -> None:
        """Leave our lines until cancelled, then take them away."""
        try:
            while True:
                try:
                    await asyncio.to_thread(self._leave, orjson.dumps(lines()))
                except OSError as error:
                    log.warning("metrics.not_left", extra={"error": repr(error)})
                await asyncio.sleep(LEAVE_SECONDS)
        finally:
            with suppress(OSError):
                self._own.unlink()

    def _leave(self, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._own.with_suffix(".new")
        new.write_bytes(content)
        new.replace(self._own)

    def others(self) -> list[Lines]:
        """What the others left; files of those that are gone are taken away."""
        found, now = [], time.time()
        if not self._folder.is_dir():
            return []
        for file in sorted(self._folder.glob(f"*{SUFFIX}")):
            with suppress(OSError, orjson.JSONDecodeError):  # it may be going right now
                if file == self._own:
                    continue
                if now - os.stat(file).st_mtime > STALE_SECONDS:  # noqa: PTH116
                    file.unlink()
                else:
                    found.append(orjson.loads(file.read_bytes()))
        return found
