"""The folders of bots: what is put there stays as it was put, and nothing else is ours."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from adapters.workspace.store import WorkspaceFolders, container_user
from application.workspace_store import NoSpace, WorkspaceUnavailable
from tests.adapters.workspace.scene import (
    ALL,
    BOT,
    CONFIG,
    NOTEBOOK,
    SKILL,
    SOUL,
    TOKENS,
    file,
    rendered,
    store_in,
)


@pytest.fixture
def store(tmp_path: Path) -> WorkspaceFolders:
    return store_in(tmp_path)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_rendered_is_there_and_putting_it_again_changes_nothing(
    store: WorkspaceFolders,
) -> None:
    assert len(store.put(BOT, rendered(*ALL))) == len(ALL)
    folders = store.folders(BOT)
    assert (folders.config / "skills/notes/SKILL.md").read_bytes() == SKILL.content
    assert (folders.secrets / "bot.json").read_bytes() == TOKENS.content
    assert (folders.workspace / "SOUL.md").read_bytes() == SOUL.content
    assert folders.state.is_dir()
    written = (folders.config / "openclaw.json").stat()
    assert store.put(BOT, rendered(*ALL)) == []
    assert (folders.config / "openclaw.json").stat().st_mtime_ns == written.st_mtime_ns
    assert (folders.config / "openclaw.json").stat().st_ino == written.st_ino


def test_each_folder_and_file_has_the_mode_and_owner_that_it_needs(
    store: WorkspaceFolders,
) -> None:
    store.put(BOT, rendered(*ALL))
    at = store.folders(BOT)
    modes = {
        at.config: 0o755,
        at.config / "skills/notes": 0o755,
        at.config / "openclaw.json": 0o644,
        at.workspace: 0o700,
        at.workspace / "SOUL.md": 0o600,
        at.state: 0o700,
        at.secrets: 0o700,
        at.secrets / "bot.json": 0o400,
    }
    assert {path: mode_of(path) for path in modes} == modes
    for path in (at.workspace, at.workspace / "SOUL.md", at.state, at.secrets / "bot.json"):
        assert (path.stat().st_uid, path.stat().st_gid) == container_user()
    assert at.config.stat().st_uid == os.geteuid()
    assert mode_of(at.secrets.parent) == 0o700


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_modes_do_not_depend_on_the_umask(store: WorkspaceFolders, umask: int) -> None:
    before = os.umask(umask)
    try:
        store.put(BOT, rendered(*ALL))
    finally:
        os.umask(before)
    assert mode_of(store.folders(BOT).config / "skills") == 0o755
    assert mode_of(store.folders(BOT).secrets / "bot.json") == 0o400


def test_drift_is_repaired_and_named(store: WorkspaceFolders) -> None:
    store.put(BOT, rendered(*ALL))
    at = store.folders(BOT)
    (at.config / "openclaw.json").write_text('{"a": 2}\n')
    (at.workspace / "SOUL.md").unlink()
    (at.secrets / "bot.json").chmod(0o644)
    at.workspace.chmod(0o777)
    assert sorted(store.put(BOT, rendered(*ALL))) == [
        "config/openclaw.json",
        "secrets/bot.json",
        "workspace/SOUL.md",
    ]
    assert (at.config / "openclaw.json").read_bytes() == CONFIG.content
    assert mode_of(at.secrets / "bot.json") == 0o400
    assert mode_of(at.workspace) == 0o700


def test_a_change_replaces_the_file_and_never_writes_into_it(
    store: WorkspaceFolders,
) -> None:
    store.put(BOT, rendered(*ALL))
    config = store.folders(BOT).config / "openclaw.json"
    with config.open() as reader:
        store.put(BOT, rendered(file("config/openclaw.json", '{"a": 22222}\n')))
        assert reader.read() == '{"a": 1}\n'
    assert config.read_text() == '{"a": 22222}\n'


def test_what_is_not_wanted_any_more_goes(store: WorkspaceFolders) -> None:
    store.put(BOT, rendered(*ALL, file("secrets/mcp-headers.json", "{}")))
    gone = store.put(BOT, rendered(TOKENS, CONFIG))
    assert sorted(gone) == [
        "config/skills",
        "secrets/mcp-headers.json",
        "workspace/SOUL.md",
        "workspace/USER.md",
    ]
    at = store.folders(BOT)
    assert [path.name for path in at.config.iterdir()] == ["openclaw.json"]
    assert list(at.workspace.iterdir()) == []
    assert store.put(BOT, rendered(TOKENS, CONFIG)) == []


def test_what_somebody_else_put_into_our_folders_goes(store: WorkspaceFolders) -> None:
    store.put(BOT, rendered(*ALL))
    at = store.folders(BOT)
    (at.config / "skills/notes/extra.md").write_text("x")
    (at.config / "skills/other").mkdir()
    (at.secrets / "key").symlink_to("/etc/passwd")
    assert sorted(store.put(BOT, rendered(*ALL))) == [
        "config/skills/notes/extra.md",
        "config/skills/other",
        "secrets/key",
    ]


def test_the_memory_of_a_bot_is_never_touched(store: WorkspaceFolders) -> None:
    store.put(BOT, rendered(*ALL))
    at = store.folders(BOT)
    (at.workspace / "memory").mkdir()
    (at.workspace / "memory/2026-11-22.md").write_text("a day")
    (at.workspace / "MEMORY.md").write_text("mine")
    (at.workspace / "USER.md").write_text("Ada likes tea")
    (at.state / "sessions.sqlite").write_bytes(b"x")
    assert store.put(BOT, rendered(*ALL)) == []
    assert store.put(BOT, rendered(TOKENS, CONFIG, NOTEBOOK)) != []
    assert (at.workspace / "memory/2026-11-22.md").read_text() == "a day"
    assert (at.workspace / "MEMORY.md").read_text() == "mine"
    assert (at.workspace / "USER.md").read_text() == "Ada likes tea"
    assert store.kept_for(BOT) == [at.workspace, at.state]


def test_a_bots_own_file_of_one_of_our_names_is_its_own(store: WorkspaceFolders) -> None:
    store.put(BOT, rendered(*ALL))
    own = store.folders(BOT).workspace / CONFIG.path
    own.write_text("mine")
    assert store.put(BOT, rendered(TOKENS, SOUL, NOTEBOOK, SKILL)) == [
        "config/openclaw.json"
    ]
    assert own.read_text() == "mine"


def test_people_see_the_files_and_of_secrets_only_the_shape(
    store: WorkspaceFolders,
) -> None:
    store.put(BOT, rendered(*ALL, file("secrets/token", "canary")))
    (store.folders(BOT).workspace / "MEMORY.md").write_text("private")
    shown = {f"{one.area}/{one.path}": one.text for one in store.shown(BOT)}
    assert sorted(shown) == sorted([*(f"{f.area}/{f.path}" for f in ALL), "secrets/token"])
    assert shown["config/openclaw.json"] == '{"a": 1}\n'
    assert "canary" not in "".join(shown.values())
    assert '"botToken": "***"' in shown["secrets/bot.json"]
    assert store.shown(uuid4()) == []


def test_a_secret_can_be_read_back_by_the_manager(store: WorkspaceFolders) -> None:
    assert store.secret(BOT, "bot.json") is None
    store.put(BOT, rendered(*ALL))
    held = store.secret(BOT, "bot.json")
    assert held is not None
    assert held.content == TOKENS.content
    assert "canary" not in repr(held)
    assert timedelta(0) <= datetime.now(UTC) - held.since < timedelta(minutes=1)
    assert store.secret(BOT, "missing") is None


def test_workspaces_are_listed_with_their_size_and_can_be_discarded(
    store: WorkspaceFolders,
) -> None:
    other = UUID(int=7)
    assert store.kept() == []
    store.put(BOT, rendered(*ALL))
    store.put(other, rendered(TOKENS))
    (store.folders(BOT).state / "memory").write_bytes(b"x" * 5000)
    sizes = {one.bot_id: one.size_bytes for one in store.kept()}
    assert sizes[BOT] > 5000
    assert set(sizes) == {BOT, other}
    store.discard(BOT)
    store.discard(BOT)
    assert [one.bot_id for one in store.kept()] == [other]
    assert not store.folders(BOT).secrets.exists()


def test_secrets_can_be_withdrawn_and_memory_stays(store: WorkspaceFolders) -> None:
    assert store.with_secrets() == frozenset()
    store.put(BOT, rendered(*ALL))
    (store.folders(BOT).workspace / "MEMORY.md").write_text("mine")
    assert store.with_secrets() == {BOT}
    store.withdraw(BOT)
    store.withdraw(BOT)
    assert store.with_secrets() == frozenset()
    assert (store.folders(BOT).workspace / "MEMORY.md").read_text() == "mine"
    assert store.put(BOT, rendered(*ALL)) == ["secrets/bot.json"]


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file can grow beyond that, as when a disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_without_room_nothing_is_half_made(store: WorkspaceFolders) -> None:
    store.put(BOT, rendered(*ALL))
    large = file("config/openclaw.json", "x" * 100_000)
    soul = file("workspace/SOUL.md", "# Another\n")
    with room_for(50_000), pytest.raises(NoSpace) as refused:
        store.put(BOT, rendered(TOKENS, soul, NOTEBOOK, SKILL, large))
    assert "/" not in str(refused.value)
    at = store.folders(BOT)
    assert (at.workspace / "SOUL.md").read_bytes() == SOUL.content
    assert (at.config / "openclaw.json").read_bytes() == CONFIG.content
    assert list(at.config.parent.parent.glob(".staging/*")) == []
    assert sorted(store.put(BOT, rendered(TOKENS, soul, NOTEBOOK, SKILL, large))) == [
        "config/openclaw.json",
        "workspace/SOUL.md",
    ]


def test_what_a_crash_left_behind_is_cleared(store: WorkspaceFolders) -> None:
    store.put(BOT, rendered(*ALL))
    left = store.folders(BOT).config.parent.parent / ".staging" / str(BOT)
    left.mkdir()
    (left / "half").write_text("secret of yesterday")
    store.put(BOT, rendered(*ALL))
    assert not left.exists()


@pytest.mark.parametrize(
    "path", ["config/../x", "config//x", "config/.", "config/a/../../b"]
)
def test_a_path_that_leads_out_is_refused(store: WorkspaceFolders, path: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        store.put(BOT, rendered(file(path, "x")))
    assert not (store.folders(BOT).config.parent / "x").exists()


def test_a_disk_that_is_not_there_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the way")
    with pytest.raises(WorkspaceUnavailable):
        store_in(tmp_path).put(BOT, rendered(*ALL))
