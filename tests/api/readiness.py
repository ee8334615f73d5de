"""Readiness for tests: as they say."""

from __future__ import annotations

from application.readiness import Dependency, Lag, Look


class AllIsWell:
    """Plays `Readiness`."""

    def __init__(self) -> None:
        self.ready = True
        self.views: list[Lag] = []

    def look(self) -> Look:
        database = Dependency(name="database", ready=self.ready)
        return Look(dependencies=[database], views=self.views)
