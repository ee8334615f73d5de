"""The command line as a person runs it: exit code, what it printed, nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.settings import Settings
from api.cli.main import main

ROOT = Path(__file__).parents[3]
A_KEY = "k1:w6Jm3pQ0Zk8bXv5T1yRrA2nHsD9uLfEoGc7iBx4KqWM="


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Its one JSON document."""
        return json.loads(self.out)


class Shell:
    """Runs commands in this process, in an empty folder, with the settings given only."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        folder: Path,
    ) -> None:
        self._monkeypatch, self._capsys, self.folder = monkeypatch, capsys, folder
        monkeypatch.chdir(folder)  # away from a developer's own .env
        for name in Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.setenv("CLAWBOT_DATA_DIR", str(folder / "data"))

    def forget(self, setting: str) -> None:
        """What was set for an earlier command is not set any more."""
        self._monkeypatch.delenv(setting)

    def run(self, *arguments: str, **settings: str) -> Ran:
        """The command's exit code and output."""
        self._capsys.readouterr()
        for name, value in settings.items():
            self._monkeypatch.setenv(name, value)
        self._monkeypatch.setattr(sys, "argv", ["clawbot", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        printed = self._capsys.readouterr()
        code = left.value.code
        return Ran(
            code=code if isinstance(code, int) else 0, out=printed.out, err=printed.err
        )


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """That of a process of ours: these settings, and no others."""
    ours = {name.upper() for name in Settings.model_fields}
    bare = {name: value for name, value in os.environ.items() if name not in ours}
    told = {"PYTHONPATH": str(ROOT), "CLAWBOT_DATA_DIR": str(folder / "data")}
    return bare | told | settings


def clawbot(
    *arguments: str, folder: Path, **settings: str
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, ended after a minute."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "api.cli.main", *arguments],
        cwd=folder,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
