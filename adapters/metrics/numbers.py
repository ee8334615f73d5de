"""All numbers of a process, and of those that share its port."""

from __future__ import annotations

import asyncio
import os

from adapters.metrics.lags import gauges_of
from adapters.metrics.process import process_gauges
from adapters.metrics.series import Family, heading, lines_of, text_of
from adapters.metrics.siblings import Lines, Siblings
from adapters.settings import Settings
from application.readiness import Readiness


class ProcessNumbers:
    """Plays `Numbers`; every line has the label `process`."""

    def __init__(self, process: str, siblings: Siblings | None = None) -> None:
        self.process = process
        self._families: list[Family] = list(process_gauges())
        self._readiness: Readiness | None = None
        self._siblings = siblings

    def add(self, *families: Family) -> None:
        """They are shown from now on."""
        self._families.extend(families)

    def look_at(self, readiness: Readiness) -> None:
        """How far views are behind is shown from now on; it costs a query each time."""
        self._readiness = readiness

    async def text(self) -> bytes:
        families = list(self._families)
        if self._readiness is not None:
            look = await asyncio.to_thread(self._readiness.look)
            families.extend(gauges_of(look))
        headings = {family.name: heading(family) for family in families}
        lines = {family.name: lines_of(family, self.process) for family in families}
        for theirs in await self._others():
            for name, more in theirs.items():
                if name in lines:
                    lines[name].extend(more)
        return text_of(headings, lines)

    async def keep_siblings_told(self) -> None:
        """Until cancelled, whoever shares our port knows our numbers."""
        if self._siblings is not None:
            await self._siblings.keep(self._own)

    def _own(self) -> Lines:
        return {family.name: lines_of(family, self.process) for family in self._families}

    async def _others(self) -> list[Lines]:
        if self._siblings is None:
            return []
        return await asyncio.to_thread(self._siblings.others)


def proxy_numbers(settings: Settings) -> ProcessNumbers:
    """Those of this proxy, and of its siblings if there are any."""
    if settings.clawbot_workers == 1:
        return ProcessNumbers("proxy")
    process = f"proxy-{os.getpid()}"
    folder = settings.clawbot_data_dir / "metrics" / str(settings.clawbot_proxy_port)
    return ProcessNumbers(process, Siblings(folder, process))
