"""A child is told every setting that its parent was told, wherever that stood."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.serving import SHUTDOWN_SECONDS
from adapters.settings import Settings
from adapters.supervisor.programs import bare_environment, environment_of, programs_of

SAID = """
CLAWBOT_OIDC__GOOGLE__CLIENT_ID=ours
CLAWBOT_OIDC__GOOGLE__CLIENT_SECRET='a "secret"'
CLAWBOT_OIDC__HOME__CLIENT_ID=too
CLAWBOT_OIDC__HOME__CLIENT_SECRET=secret
CLAWBOT_OIDC__HOME__ISSUER=https://login.example.org
CLAWBOT_HTTP_SHARED_PEERS=10.0.0.0/8,192.168.0.0/16
EGRESS_ALLOW=http://127.0.0.1:1,http://127.0.0.1:2
BOT_MASTER_KEY_FILE=key
CLAWBOT_DATA_DIR=data
"""


def test_what_a_parent_reads_in_its_folder_a_child_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bare_environment()
    (tmp_path / ".env").write_text(SAID)
    monkeypatch.chdir(tmp_path)
    ours = Settings()
    told = environment_of(ours, "postgresql://there")
    monkeypatch.chdir("/")
    for name in {*before, *told}:
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    theirs = Settings()
    places = {
        "database_url": "postgresql://there",
        "bot_master_key_file": tmp_path / "key",
        "clawbot_data_dir": tmp_path / "data",
    }
    assert theirs.model_dump() == ours.model_dump() | places
    secret = theirs.clawbot_oidc["google"].client_secret
    assert secret.get_secret_value() == 'a "secret"'


def test_a_server_is_given_the_time_that_it_gives_to_calls_under_way() -> None:
    programs = programs_of(Settings(clawbot_workers=2), "postgresql://there", 3)
    servers = {one.name: one.stop_seconds for one in programs if one.probe is not None}
    assert set(servers) == {"proxy-1", "proxy-2", "api"}
    assert min(servers.values()) > SHUTDOWN_SECONDS
