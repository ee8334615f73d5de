"""What cannot work is refused in one sentence, with 2, and with nothing changed."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path

import psycopg
import pytest

from adapters.postgres.embedded import EmbeddedPostgres
from api.cli.settings import read_settings
from domain.errors import BadSetup
from tests.api.cli.running import A_KEY, Shell, clawbot

PORTS = ("CLAWBOT_PORT", "CLAWBOT_PROXY_PORT", "CLAWBOT_WORKER_PORT")


@pytest.fixture
def busy_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


@pytest.fixture
def ports() -> dict[str, str]:
    """A free port for everything that `up` opens."""
    with ExitStack() as held:
        places = {
            setting: held.enter_context(socket.create_server(("127.0.0.1", 0)))
            for setting in PORTS
        }
        return {name: str(place.getsockname()[1]) for name, place in places.items()}


def test_a_setting_that_cannot_be_is_named_and_not_repeated(shell: Shell) -> None:
    ran = shell.run("up", CLAWBOT_PORT="canary")
    assert ran.code == 2
    assert sentence(ran.err) == (
        "CLAWBOT_PORT cannot be used: input should be a valid integer, unable to parse "
        "string as an integer."
    )


def test_zero_trust_cannot_be_switched_off(shell: Shell) -> None:
    ran = shell.run("up", ZERO_TRUST_MODE="false")
    assert ran.code == 2
    assert sentence(ran.err).startswith("ZERO_TRUST_MODE=false is refused")


@pytest.mark.parametrize("setting", PORTS)
def test_a_busy_port_is_named_before_anything_is_made(
    shell: Shell, busy_port: str, ports: dict[str, str], setting: str
) -> None:
    ran = shell.run("up", **ports | {setting: busy_port})
    assert ran.code == 2
    assert f"127.0.0.1:{busy_port}" in sentence(ran.err)
    assert ran.err.endswith(f"or choose another with {setting}.\n")
    assert not list(shell.folder.iterdir())


@pytest.mark.parametrize(("one", "other"), [*combinations(PORTS, 2)])
def test_one_port_is_not_enough_for_two_servers(
    shell: Shell, ports: dict[str, str], one: str, other: str
) -> None:
    ran = shell.run("up", **ports | {other: ports[one]})
    assert ran.code == 2
    assert f"{one} and {other} are both {ports[one]}" in sentence(ran.err)


def test_a_bad_master_key_is_refused_before_anything_is_made(
    shell: Shell, ports: dict[str, str]
) -> None:
    ran = shell.run("up", BOT_MASTER_KEY="canary", **ports)
    assert ran.code == 2
    assert sentence(ran.err).startswith("BOT_MASTER_KEY, entry 1 of 1: the key is")
    assert "canary" not in ran.err
    assert not list(shell.folder.iterdir())


def test_a_data_folder_of_another_postgresql_is_refused(
    shell: Shell, ports: dict[str, str]
) -> None:
    with tempfile.TemporaryDirectory(prefix="clawbot-test-") as made:
        folder = Path(made)
        folder.chmod(0o755)  # run by root, the server is another user
        with EmbeddedPostgres(folder / "postgres"):
            pass
        (folder / "postgres/data/PG_VERSION").write_text("17\n")
        ran = shell.run("up", CLAWBOT_DATA_DIR=made, **ports)
        assert ran.code == 2
        assert "is of PostgreSQL 17" in sentence(ran.err)
        assert not (folder / "master.key").exists()


def test_a_new_master_key_is_never_made_beside_a_vault_that_needs_another(
    shell: Shell, database_url: str, ports: dict[str, str]
) -> None:
    given = {"DATABASE_URL": database_url, **ports}
    assert shell.run("migrate", BOT_MASTER_KEY=A_KEY, **given).code == 0
    ran = shell.run("up", BOT_MASTER_KEY="", **given)
    assert ran.code == 2
    assert "sealed under a master key that is not here" in sentence(ran.err)
    assert not (shell.folder / "data/master.key").exists()


def test_another_master_key_than_the_vaults_is_refused(
    shell: Shell, database_url: str
) -> None:
    assert shell.run("migrate", DATABASE_URL=database_url, BOT_MASTER_KEY=A_KEY).code == 0
    other = A_KEY.replace("w6Jm", "x6Jm")
    ran = shell.run("migrate", DATABASE_URL=database_url, BOT_MASTER_KEY=other)
    assert ran.code == 2
    assert "is not the one that the vault knows" in sentence(ran.err)


@pytest.mark.parametrize("process", ["api", "proxy", "worker"])
def test_a_process_without_a_master_key_says_so(
    shell: Shell, database_url: str, process: str
) -> None:
    ran = clawbot(process, folder=shell.folder, DATABASE_URL=database_url)
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].startswith("clawbot: There is no master key.")
    assert "Traceback" not in ran.stderr


def test_a_process_whose_database_is_away_may_be_started_again(
    shell: Shell, free_port: int
) -> None:
    url = f"postgresql://clawbot:canary@127.0.0.1:{free_port}/clawbot"
    ran = clawbot("proxy", folder=shell.folder, DATABASE_URL=url, BOT_MASTER_KEY=A_KEY)
    assert ran.returncode == 1
    assert "the database does not answer" in ran.stderr.splitlines()[-1]
    assert "canary" not in ran.stderr


def test_a_database_that_does_not_answer_is_named_without_its_password(
    shell: Shell, free_port: int
) -> None:
    url = f"postgresql://clawbot:canary@127.0.0.1:{free_port}/clawbot"
    for command in (("migrate",), ("rebuild", "call_log")):
        ran = shell.run(*command, DATABASE_URL=url, BOT_MASTER_KEY=A_KEY)
        assert ran.code == 2
        assert "database does not answer" in ran.err
        assert "canary" not in ran.err


def test_a_database_that_is_behind_is_named(shell: Shell, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        last = "SELECT max(number) FROM schema_migration"
        connection.execute(f"DELETE FROM schema_migration WHERE number = ({last})")
    ran = shell.run("rebuild", "call_log", DATABASE_URL=database_url)
    assert ran.code == 2
    assert "run `clawbot migrate` first" in sentence(ran.err)


def test_a_command_that_looks_at_an_instance_makes_none(shell: Shell) -> None:
    for command in (
        ("replay", "bot", "0197f0c0-0000-7000-8000-000000000000"),
        ("rebuild", "x"),
    ):
        ran = shell.run(*command)
        assert ran.code == 2
        assert "There is no instance in" in sentence(ran.err)
    assert not list(shell.folder.iterdir())


def sentence(err: str) -> str:
    """All that was said: one line, behind our name."""
    assert err.startswith("clawbot: ")
    assert err.count("\n") == 1
    return err.removeprefix("clawbot: ").strip()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "canary"),
        ("DATABASE_URL", "postgresql://u:can ary@127.0.0.1/x"),
        ("DATABASE_URL", "postgresql://u:canary@127.0.0.1:many/x"),
        ("READ_DATABASE_URL", "http://u:canary@127.0.0.1/x"),
        ("PROXY_BASE_URL", "canary:3101"),
        ("PROXY_BASE_URL", "http://u:canary@proxy:3101"),
        ("CLAWBOT_PUBLIC_URL", "canary"),
        ("CLAWBOT_PUBLIC_URL", "https://canary.example?x=1"),
        ("CLAWBOT_WORKER_URL", "canary:3102"),
        ("CLAWBOT_WORKER_URL", "http://canary:3102/door"),
        ("CLAWBOT_BOT_DNS", "1.1.1.1,canary"),
    ],
)
def test_what_no_process_could_use_is_refused_before_any_starts(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetup) as refused:
        read_settings()
    assert str(refused.value).startswith(f"{name} cannot be used: ")
    assert "ary" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_an_origin_that_is_none_is_refused_before_any_process_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EGRESS_ALLOW", "http://127.0.0.1:11434,not-an-origin")
    with pytest.raises(BadSetup, match=r"^EGRESS_ALLOW: 'not-an-origin' is not an origin"):
        read_settings()
