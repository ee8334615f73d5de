"""Readiness for tests: as they say."""

from __future__ import annotations

from application.readiness import Dependency, Look


class AllIsWell:
    """Plays `Readiness`."""

    def __init__(self) -> None:
        self.ready = True

    def look(self) -> Look:
        database = Dependency(name="database", ready=self.ready)
        return Look(dependencies=[database], views=[])
