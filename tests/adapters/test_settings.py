"""What is written in a `.env` file, or in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.settings import Settings
from api.cli.settings import read_settings
from domain.errors import BadSetup

PLACES = (
    "CLAWBOT_DATA_DIR",
    "BOT_MASTER_KEY_FILE",
    "BOT_DATA_DIR",
    "BOT_SECRETS_DIR",
    "DOCKER_CERT_PATH",
)


def test_a_home_is_where_it_is_though_no_shell_spelt_it_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)
    written = "".join(f"{name}=~/{name}\n" for name in PLACES)
    (tmp_path / ".env").write_text(written, encoding="utf-8")
    read = Settings()
    for name in PLACES:
        assert getattr(read, name.lower()) == tmp_path / name


def test_a_home_of_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAWBOT_DATA_DIR", "~nobody-of-that-name/data")
    with pytest.raises(BadSetup, match=r"^CLAWBOT_DATA_DIR cannot be used: nobody's home"):
        read_settings()
