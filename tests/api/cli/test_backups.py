"""A backup is made while all goes on, and brought back whole or not at all."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from adapters.backup import restoring
from adapters.backup.tables import Table
from adapters.postgres.migrator import pending
from domain.errors import BadSetup
from tests.adapters.sealing.given import ask, attack, kept_note, seal_all, sign, write
from tests.api.cli.running import A_KEY, Ran, Shell
from tests.databases import new_database, url_of

BOT = UUID(int=7)
EVERYTHING = (
    "SELECT 'fleet', notification_id, state FROM fleet_events "
    "UNION ALL SELECT 'calls', notification_id, state FROM calls_events "
    "UNION ALL SELECT 'leaf', log_index, header FROM log_leaf "
    "UNION ALL SELECT 'kek', 0, check_value FROM vault.kek ORDER BY 1, 2"
)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """An instance with a sealed log and a bot's memory, and an empty database."""

    shell: Shell
    here: str
    empty: str

    @property
    def file(self) -> Path:
        return self.shell.folder / "monday.zip"

    def backup(self, *more: str) -> Ran:
        return self.shell.run(
            *("backup", "--out", str(self.file), *more),
            DATABASE_URL=self.here,
            BOT_DATA_DIR=str(self.shell.folder / "bots"),
            BOT_MASTER_KEY=A_KEY,
        )

    def restore(self, *more: str) -> Ran:
        return self.shell.run(
            *("restore", str(self.file), *more),
            DATABASE_URL=self.empty,
            BOT_DATA_DIR=str(self.shell.folder / "restored"),
        )


@pytest.fixture
def scene(shell: Shell, database_url: str, database_server: str) -> Iterator[Scene]:
    ask(database_url, "SELECT make_calls_month('2025-05-01T00:00:00Z')")
    write(database_url)
    seal_all(database_url)
    (shell.folder / "data").mkdir()
    sign(database_url, shell.folder / "data" / "signer")
    check = b"\1" * 16
    ask(
        database_url, "INSERT INTO vault.kek (kek_id, check_value) VALUES ('k1', %s)", check
    )
    memory = shell.folder / "bots" / str(BOT) / "workspace"
    memory.mkdir(parents=True)
    (memory / "diary\n.md").write_text("what I did today")
    (memory / "passwd").symlink_to("/etc/passwd")
    (memory.parent / "state").symlink_to("/etc")
    with new_database(database_server) as name:
        yield Scene(shell=shell, here=database_url, empty=url_of(database_server, name))


def test_an_instance_comes_back_as_it_was(scene: Scene) -> None:
    made = scene.backup("--json")
    assert (made.code, made.document["bots"]) == (0, 1), made.err
    assert scene.file.stat().st_mode & 0o777 == 0o600
    restored = scene.restore("--json")
    assert restored.code == 0, restored.err
    assert restored.document["verdict"].startswith("intact: ")
    assert ask(scene.empty, EVERYTHING) == ask(scene.here, EVERYTHING)
    assert pending(scene.empty) == []
    parts = "SELECT inhrelid::regclass::text FROM pg_inherits ORDER BY 1"
    assert ask(scene.empty, parts) == ask(scene.here, parts)
    write(scene.empty, seed=2, fleet=False)  # behind the last position, in free places
    positions = [
        at for (at,) in ask(scene.empty, "SELECT notification_id FROM calls_events")
    ]
    assert len(set(positions)) == len(positions)
    bot = scene.shell.folder / "restored" / str(BOT)
    assert (bot / "workspace" / "diary\n.md").read_text() == "what I did today"
    assert str((bot / "workspace" / "passwd").readlink()) == "/etc/passwd"
    assert not (bot / "state").exists(), "a link in a folder's place is not followed"
    assert scene.shell.run("doctor", DATABASE_URL=scene.empty).code in {0, 1}


def test_nothing_is_restored_over_anything(scene: Scene) -> None:
    scene.backup()
    assert scene.backup().code == 2
    for taken in (scene.here, scene.empty):
        ask(scene.empty, "CREATE TABLE IF NOT EXISTS somebodys ()")
        ran = scene.shell.run("restore", str(scene.file), DATABASE_URL=taken)
        assert (ran.code, "not empty" in ran.err) == (2, True), ran.err
    ask(scene.empty, "DROP TABLE somebodys")
    (scene.shell.folder / "restored" / str(BOT)).mkdir(parents=True)
    assert scene.restore().code == 2
    assert ask(
        scene.empty, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    ) == [(0,)]


def test_the_master_key_is_in_it_only_if_asked_for(scene: Scene) -> None:
    scene.backup()
    secret = A_KEY.partition(":")[2].encode()
    with zipfile.ZipFile(scene.file) as plain:
        assert not any(secret in plain.read(name) for name in plain.namelist())
    scene.file.unlink()
    assert scene.backup("--with-master-key").code == 0
    scene.shell.forget("BOT_MASTER_KEY")
    assert scene.restore().code == 0
    key = scene.shell.folder / "data" / "master.key"
    assert (key.read_text(), key.stat().st_mode & 0o777) == (A_KEY, 0o600)


def test_a_restore_that_is_broken_off_leaves_nothing_that_starts(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.backup()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for owner, step in (
        (Table, "copy_in"),
        (restoring, "put_in_place"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, step, killed)
            assert scene.restore().code not in {0, None}
        with pytest.raises(BadSetup, match="begun and has not ended"):
            pending(scene.empty)
        migrate = scene.shell.run("migrate", DATABASE_URL=scene.empty)
        assert (migrate.code, "clawbot restore" in migrate.err) == (2, True), step
    assert scene.restore().code == 0
    assert ask(scene.empty, EVERYTHING) == ask(scene.here, EVERYTHING)


def test_yesterdays_backup_is_told_to_be_behind_what_was_signed(scene: Scene) -> None:
    signer = scene.shell.folder / "data" / "signer"
    scene.backup()
    first = ask(scene.here, "SELECT size FROM log_state")[0][0]
    write(scene.here, seed=3, fleet=False)
    beyond = seal_all(scene.here)
    sign(scene.here, signer)
    restored = scene.restore("--json")
    assert restored.code == 0, restored.err
    found = restored.document
    assert (found["sealed"], found["signed_beyond"]) == (first, beyond)
    assert "clawbot audit fork" in found["to_do"][0]
    kept = scene.shell.folder / "kept.txt"
    kept.write_text(kept_note(signer))
    seen = scene.shell.run(
        "audit", "verify", "--checkpoint", str(kept), DATABASE_URL=scene.empty
    )
    assert (seen.code, f"was signed at size {beyond}" in seen.out) == (1, True), seen.out


def test_nothing_starts_on_a_log_that_is_not_what_was_signed(scene: Scene) -> None:
    attack(scene.here, "UPDATE calls_events SET topic = 'x' WHERE notification_id = 3")
    scene.backup()
    ran = scene.restore()
    assert (ran.code, "TAMPERED" in ran.err) == (1, True), ran.err
    with pytest.raises(BadSetup):
        pending(scene.empty)
