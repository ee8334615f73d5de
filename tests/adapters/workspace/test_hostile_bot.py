"""A bot that puts links, pipes, folders and races where its files belong."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.workspace.store import WorkspaceFolders
from application.workspace_store import WorkspaceUnavailable
from tests.adapters.workspace.deep import dig
from tests.adapters.workspace.scene import ALL, BOT, SOUL, rendered, store_in

Trick = Callable[[Path, Path], None]


def link(place: Path, outside: Path) -> None:
    place.symlink_to(outside)


def link_to_nothing(place: Path, _: Path) -> None:
    place.symlink_to("/nowhere/at/all")


def hard_link(place: Path, outside: Path) -> None:
    os.link(outside, place)


def pipe(place: Path, _: Path) -> None:
    os.mkfifo(place)


def folder(place: Path, _: Path) -> None:
    place.mkdir()
    (place / "kept").write_text("the bot's own")


def listening(place: Path, _: Path) -> None:
    os.mknod(place, stat.S_IFSOCK | 0o600)


def huge(place: Path, _: Path) -> None:
    with place.open("wb") as file:
        file.truncate(1 << 40)


def unreadable(place: Path, _: Path) -> None:
    place.write_text("# Soul\n")
    place.chmod(0)


TRICKS: list[Trick] = [
    *(link, link_to_nothing, hard_link, pipe, folder, listening, huge, unreadable)
]


@pytest.fixture
def store(tmp_path: Path) -> WorkspaceFolders:
    made = store_in(tmp_path)
    made.put(BOT, rendered(*ALL))
    return made


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside"
    path.write_bytes(SOUL.content)
    path.chmod(0o640)
    return path


def untouched(outside: Path) -> bool:
    seen = outside.stat()
    return outside.read_bytes() == SOUL.content and seen.st_mode & 0o777 == 0o640


@pytest.mark.parametrize("trick", TRICKS)
def test_whatever_stands_in_its_place_the_file_is_put_there(
    store: WorkspaceFolders, outside: Path, trick: Trick
) -> None:
    place = store.folders(BOT).workspace / "SOUL.md"
    place.unlink()
    trick(place, outside)
    assert store.put(BOT, rendered(*ALL)) == ["workspace/SOUL.md"]
    assert place.is_file()
    assert not place.is_symlink()
    assert place.read_bytes() == SOUL.content
    assert place.stat().st_nlink == 1
    assert untouched(outside)
    assert store.put(BOT, rendered(*ALL)) == []


def test_a_folder_in_our_place_stays_the_bots_under_another_name(
    store: WorkspaceFolders, outside: Path
) -> None:
    at = store.folders(BOT).workspace
    (at / "SOUL.md").unlink()
    folder(at / "SOUL.md", outside)
    store.put(BOT, rendered(*ALL))
    kept = [path for path in at.iterdir() if path.is_dir()]
    assert [(path / "kept").read_text() for path in kept] == ["the bot's own"]


@pytest.mark.parametrize("trick", TRICKS)
def test_nothing_but_a_plain_file_is_shown(
    store: WorkspaceFolders, outside: Path, trick: Trick
) -> None:
    place = store.folders(BOT).workspace / "SOUL.md"
    place.unlink()
    outside.write_text("somebody else's secret")
    if trick is not unreadable:
        trick(place, outside)
    shown = {one.path: one.text for one in store.shown(BOT)}
    assert "SOUL.md" not in shown
    assert "secret" not in "".join(shown.values())


@pytest.mark.parametrize("trick", [link, folder, pipe])
def test_a_file_that_is_not_wanted_any_more_is_not_looked_for_elsewhere(
    store: WorkspaceFolders, outside: Path, trick: Trick
) -> None:
    at = store.folders(BOT).workspace
    (at / "SOUL.md").unlink()
    trick(at / "SOUL.md", outside)
    store.put(BOT, rendered(*(one for one in ALL if one.path != "SOUL.md")))
    assert untouched(outside)
    assert (at / "SOUL.md").exists() is (trick is folder)


def test_folders_as_deep_as_can_be_are_gone_through_and_taken_away(
    store: WorkspaceFolders,
) -> None:
    at = store.folders(BOT)
    dig(at.state, 1_500)
    (at.state / "d" / "link").symlink_to("/etc")
    (at.state / "d" / "beside").mkdir()
    (at.workspace / "large").write_bytes(b"x" * 1_000)
    assert store.kept(but=frozenset({BOT})) == []
    assert store.kept()[0].size_bytes >= 1_000
    store.discard(BOT)
    assert store.kept() == []


def test_sizes_and_removal_follow_no_link(store: WorkspaceFolders, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "large").write_bytes(b"x" * 100_000)
    at = store.folders(BOT)
    (at.workspace / "link").symlink_to(precious)
    (at.state / "link").symlink_to(precious / "large")
    assert store.kept()[0].size_bytes < 10_000
    store.discard(BOT)
    assert (precious / "large").stat().st_size == 100_000


def test_races_lead_nowhere(store: WorkspaceFolders, outside: Path) -> None:
    at = store.folders(BOT).workspace
    over = threading.Event()

    def change_places() -> None:
        turn = 0
        while not over.is_set():
            trick = TRICKS[turn % 5]
            turn += 1
            place = at / "SOUL.md"
            with suppress(OSError):
                shutil.rmtree(place) if place.is_dir() else place.unlink()
                trick(place, outside)

    hostile = threading.Thread(target=change_places)
    hostile.start()
    try:
        for _ in range(200):
            with suppress(WorkspaceUnavailable):
                store.put(BOT, rendered(*ALL))
                store.shown(BOT)
            assert untouched(outside)
    finally:
        over.set()
        hostile.join()
    store.put(BOT, rendered(*ALL))
    assert (at / "SOUL.md").read_bytes() == SOUL.content
    assert untouched(outside)
