"""A process of ours that may be killed and started again, and what it has said."""

from __future__ import annotations

import subprocess
import sys
from contextlib import AbstractContextManager

from adapters.settings import Settings
from tests.faults.told import environment_of


class Killable:
    """A process of ours."""

    def __init__(
        self, name: str, settings: Settings, url: str, where: AbstractContextManager[None]
    ) -> None:
        self.name = name
        self._where = where
        self._environment = environment_of(settings, url)
        self._log = settings.clawbot_data_dir / f"{name}.log"
        self._running: subprocess.Popen[bytes] | None = None
        self._from = 0

    def start(self) -> None:
        self._from = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log, self._where:
            self._running = subprocess.Popen(
                [sys.executable, "-P", "-m", "api.cli.main", self.name],
                cwd="/",
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """`kill -9`, if it runs."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()
            self._running = None

    def said(self, message: str) -> list[str]:
        """The lines of its log with that message, of all its lives."""
        return [line for line in self._log.read_text().splitlines() if message in line]

    def has_said(self, message: str) -> bool:
        """Whether it has, since it was started."""
        return message in self._log.read_text()[self._from :]
