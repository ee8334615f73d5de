"""A shell to run commands in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.cli.running import Shell


@pytest.fixture
def shell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Shell:
    """In an empty folder, with no settings but the data folder."""
    return Shell(monkeypatch, capsys, tmp_path)
