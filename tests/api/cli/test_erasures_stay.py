"""Whoever is erased stays erased: after a restore, and after a process that was killed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from adapters.erasure_ledger import FileErasures
from adapters.postgres.migrator import pending
from adapters.settings import Settings
from api.main import application
from application.bus import Bus
from domain.errors import BadSetup
from proxy.app import Application
from tests.adapters.sealing.given import Rows, ask, export, kept_note, seal_all, sign
from tests.api.cli.running import Ran, Shell
from tests.api.cli.test_erasing import KEY
from tests.api.front import Front, front_of
from tests.api.system import on_postgres
from tests.databases import new_database, url_of
from verifier.verify_log import INTACT, judge, lines_of

ADA, EVE = "ada@example.com", "eve@example.com"
RECORDS = "SELECT user_id::text FROM vault.person ORDER BY 1"
ERASED = "SELECT originator_id::text FROM fleet_events WHERE topic = 'user.erased'"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Two people, a backup that holds both, and an empty database."""

    shell: Shell
    here: str
    empty: str
    front: Front
    ada: str  # ids
    eve: str

    @property
    def ledger(self) -> FileErasures:
        return FileErasures(self.shell.folder / "data" / "erasures.txt")

    def run(self, *arguments: str, url: str) -> Ran:
        return self.shell.run(
            *arguments, "--json", DATABASE_URL=url, BOT_MASTER_KEY=f"k1:{KEY}"
        )

    def backup(self, name: str) -> None:
        file = str(self.shell.folder / name)
        ran = self.run("backup", "--without-bots", "--out", file, url=self.here)
        assert ran.code == 0, ran.err

    def erase(self, who: str) -> None:
        ran = self.run("operator", "erase", who, "--yes", url=self.here)
        assert ran.code == 0, ran.err

    def restore(self, *more: str) -> Ran:
        file = str(self.shell.folder / "monday.zip")
        return self.run("restore", file, *more, url=self.empty)


@pytest.fixture
def scene(shell: Shell, database_url: str, database_server: str) -> Iterator[Scene]:
    with on_postgres(database_url) as system, front_of(system) as front:
        idempotent = {"Idempotency-Key": "first"}
        ada, eve = front.registered(ADA), front.registered(EVE)
        headers = front.bearer(ada) | idempotent
        front.client.patch("/api/auth/me", json={"name": "Ada L."}, headers=headers)
        seal_all(database_url)
        with new_database(database_server) as name:
            scene = Scene(
                shell=shell,
                here=database_url,
                empty=url_of(database_server, name),
                front=front,
                ada=ada["user"]["id"],
                eve=eve["user"]["id"],
            )
            (shell.folder / "data").mkdir()
            sign(database_url, shell.folder / "data" / "signer")
            scene.backup("monday.zip")
            yield scene


def verdict(url: str, out: Path, *notes: str) -> int:
    seal_all(url)
    text, code = judge(lines_of(export(url, out)), "", list(notes))
    assert code == INTACT, text
    return code


def test_a_restore_erases_again_who_was_erased_since(scene: Scene, tmp_path: Path) -> None:
    scene.erase(ADA)
    assert [str(one) for one in scene.ledger.ids() or ()] == [scene.ada]
    note = kept_note(scene.shell.folder / "data" / "signer")
    restored = scene.restore()
    assert restored.code == 0, restored.err
    found = restored.document
    assert (found["erased_again"], found["to_do"]) == (1, [])
    assert ask(scene.empty, RECORDS) == [(scene.eve,)]
    assert ask(scene.empty, ERASED) == [(scene.ada,)]
    assert ask(scene.empty, "SELECT count(*) FROM idempotency") == [(0,)]
    verdict(scene.empty, tmp_path / "after", note)
    with on_postgres(scene.empty) as system, front_of(system) as front:
        assert front.registered(ADA)["user"]["id"] != scene.ada, "the address is free"
        taken = {"email": EVE, "password": "nine brave otters", "name": "Eve"}
        assert front.client.post("/api/auth/register", json=taken).status_code == 409


def test_a_later_backup_and_another_machine_tell_of_erasures_too(scene: Scene) -> None:
    scene.erase(ADA)
    scene.backup("tuesday.zip")
    (scene.shell.folder / "monday.zip").unlink()
    (scene.shell.folder / "tuesday.zip").rename(scene.shell.folder / "monday.zip")
    scene.ledger.path.unlink()
    elsewhere = FileErasures(scene.shell.folder / "elsewhere.txt")
    elsewhere.add([UUID(scene.ada), UUID(scene.eve)])
    restored = scene.restore("--erasures", str(elsewhere.path))
    assert (restored.code, restored.document["to_do"]) == (0, []), restored.err
    assert (restored.document["backup"]["erased"], restored.document["erased_again"]) == (
        1,
        1,
    )
    assert ask(scene.empty, RECORDS) == []
    assert {str(one) for one in scene.ledger.ids() or ()} == {scene.ada, scene.eve}


def test_a_ledger_that_is_missing_or_too_old_is_told(scene: Scene) -> None:
    scene.erase(ADA)
    kept = scene.ledger.path.read_bytes()
    scene.ledger.path.unlink()
    missing = scene.restore()
    assert (missing.code, missing.document["erased_again"]) == (0, 0), missing.err
    assert "is not there" in missing.document["to_do"][0]
    assert len(ask(scene.empty, RECORDS)) == 2
    scene.ledger.path.write_bytes(kept)
    assert erased_when_it_serves(scene, scene.empty) == [(scene.ada,)], "as it advises"
    assert ask(scene.empty, RECORDS) == [(scene.eve,)]

    scene.backup("tuesday.zip")
    (scene.shell.folder / "tuesday.zip").rename(scene.shell.folder / "monday.zip")
    scene.ledger.path.write_bytes(b"")
    ask(scene.empty, "CREATE TABLE restore_under_way ()")  # which begins anew
    older = scene.restore()
    assert older.code == 0, older.err
    assert "is older than the backup" in older.document["to_do"][0]


def test_a_restore_that_is_killed_before_it_erases_again_starts_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.erase(ADA)
    for step in ("erasures.erase_again", "overwrite_deleted"):

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(f"adapters.backup.restoring.{step}", killed)
            assert scene.restore().code not in {0, None}
        with pytest.raises(BadSetup, match="begun and has not ended"):
            pending(scene.empty)
    restored = scene.restore()
    assert (restored.code, restored.document["erased_again"]) == (0, 1), restored.err
    assert ask(scene.empty, RECORDS) == [(scene.eve,)]


def erased_when_it_serves(scene: Scene, url: str) -> Rows:
    """Who is, once an api on that database has started."""
    seen: Rows = []
    settings = Settings(
        _env_file=None,
        bot_master_key=f"k1:{KEY}",
        clawbot_data_dir=scene.ledger.path.parent,
    )
    api = application(settings, url, proxy=False)
    asyncio.run(start_and_stop(api, lambda: seen.extend(ask(url, ERASED))))
    return seen


async def start_and_stop(api: Application, started: Callable[[], None]) -> None:
    told = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive() -> dict[str, object]:
        return {"type": next(told)}

    async def send(message: MutableMapping[str, object]) -> None:
        if message["type"] == "lifespan.startup.complete":
            started()

    await api({"type": "lifespan"}, receive, send)


def test_ledger_and_database_agree_at_the_next_start(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    scene.ledger.path.mkdir()
    unwritten = scene.run("operator", "erase", ADA, "--yes", url=scene.here)
    assert (unwritten.code, ask(scene.here, ERASED)) == (2, []), "nobody is erased"
    scene.ledger.path.rmdir()
    with monkeypatch.context() as patch:
        patch.setattr(Bus, "handle", killed)
        ran = scene.run("operator", "erase", ADA, "--yes", url=scene.here)
        assert ran.code not in {0, None}
    assert ask(scene.here, ERASED) == []
    assert erased_when_it_serves(scene, scene.here) == [(scene.ada,)]
    assert scene.front.registered(ADA)["user"]["id"] != scene.ada
    scene.ledger.path.unlink()
    assert erased_when_it_serves(scene, scene.here) == [(scene.ada,)]
    assert [str(one) for one in scene.ledger.ids() or ()] == [scene.ada]
