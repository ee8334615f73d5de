"""`clawbot doctor`: what it finds, and that it changes nothing."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from tests.api.cli.running import A_KEY, Shell


def found(shell: Shell, **settings: str) -> dict[str, tuple[str, str]]:
    checks = shell.run("doctor", "--json", **settings).document["checks"]
    return {one["name"]: (one["level"], one["message"]) for one in checks}


def test_where_nothing_is_yet_nothing_has_failed_and_nothing_is_made(
    shell: Shell, tmp_path: Path
) -> None:
    folder = tmp_path / "nothing"
    ran = shell.run("doctor", "--json", CLAWBOT_DATA_DIR=str(folder))
    assert ran.code == 0, ran.out
    levels = {one["name"]: one["level"] for one in ran.document["checks"]}
    assert (levels["data-folder"], levels["database"]) == ("skipped", "skipped")
    assert levels["queue"] == "ok"
    assert not folder.exists()


def test_a_migrated_database_with_its_key_is_well(shell: Shell, database_url: str) -> None:
    told = {"DATABASE_URL": database_url, "BOT_MASTER_KEY": A_KEY}
    assert shell.run("migrate", **told).code == 0
    checks = found(shell)
    assert checks["schema"] == ("ok", "It is that of this version.")
    assert checks["vault"][0] == "ok"
    assert checks["master-key"][0] == "warning"  # it is in the environment


def test_another_master_key_fails_and_says_what_to_do(
    shell: Shell, database_url: str
) -> None:
    told = {"DATABASE_URL": database_url, "BOT_MASTER_KEY": A_KEY}
    assert shell.run("migrate", **told).code == 0
    other = "k1:" + b64encode(sha256(b"another").digest()).decode()
    ran = shell.run("doctor", BOT_MASTER_KEY=other)
    assert ran.code == 1
    assert "x vault:" in ran.out
    assert "Failed: vault." in ran.out
    assert other not in ran.out


def test_a_database_that_is_away_is_a_finding(shell: Shell) -> None:
    url = "postgresql://nobody:s3cret@127.0.0.1:1/none"
    ran = shell.run("doctor", DATABASE_URL=url)
    assert ran.code == 1
    assert "x database: It does not answer." in ran.out
    assert "s3cret" not in ran.out


def test_a_key_that_others_may_read_fails(shell: Shell, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(A_KEY)
    key.chmod(0o644)
    checks = found(shell, BOT_MASTER_KEY_FILE=str(key))
    assert checks["master-key"][0] == "failed"


def test_addresses_that_nobody_listens_at_are_told(shell: Shell) -> None:
    nowhere = {
        "PROXY_BASE_URL": "http://127.0.0.1:1",
        "CLAWBOT_PORT": "1",
        "CLAWBOT_WORKER_URL": "http://127.0.0.1:1",
        "REDIS_URL": "redis://127.0.0.1:1",
        "RABBITMQ_URL": "amqp://127.0.0.1:1",
        "DOCKER_HOST": "unix:///nowhere.sock",
    }
    checks = found(shell, **nowhere)
    assert checks["queue"][0] == "failed"
    assert {checks[one][0] for one in ("proxy", "control-plane", "worker", "redis")} == {
        "warning"
    }
    assert checks["engine"][0] == "skipped"
