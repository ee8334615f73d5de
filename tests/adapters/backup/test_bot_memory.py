"""What bots keep comes back, and a hostile bot's links and pipes lead nowhere."""

from __future__ import annotations

import io
import os
import tarfile
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest

from adapters.backup import bot_memory
from adapters.backup.archive import read, written
from adapters.workspace.trees import remove_tree
from domain.errors import BadSetup
from tests.adapters.workspace.deep import dig

BOT, OTHER = UUID(int=7), UUID(int=8)


def back_and_forth(data: Path, to: Path) -> int:
    out = to.parent / "bots.zip"
    with written(out) as writer:
        bot_memory.keep(data, writer)
        writer.close_with({})
    with read(out) as reader:
        return bot_memory.unpack(reader, to)


def test_a_bots_own_files_come_back_and_nothing_of_anybody_elses(tmp_path: Path) -> None:
    at = tmp_path / "data" / str(BOT)
    (at / "workspace" / "deep" / "er").mkdir(parents=True)
    (at / "config").mkdir()
    (at / "config" / "rendered").write_text("can be rendered again")
    (at / "written.json").write_text("[]")
    (at / "workspace" / "deep" / "note").write_text("mine")
    (at / "workspace" / "deep" / "note").chmod(0o700)
    os.mkfifo(at / "workspace" / "pipe")
    (at / "workspace" / "out").symlink_to("/etc")
    (at / "workspace" / os.fsdecode(b"\xff\xfe")).write_bytes(b"odd name")
    (at / "state").symlink_to("/etc")
    to = tmp_path / "restored"
    assert back_and_forth(tmp_path / "data", to) == 1
    assert not (to / str(BOT)).exists()
    bot_memory.put_in_place(to)
    there = to / str(BOT)
    assert (there / "workspace" / "deep" / "note").read_text() == "mine"
    assert (there / "workspace" / "deep" / "note").stat().st_mode & 0o777 == 0o700
    assert (there / "workspace" / os.fsdecode(b"\xff\xfe")).read_bytes() == b"odd name"
    assert (there / "workspace" / "out").is_symlink()
    assert {one.name for one in there.iterdir()} == {"workspace", "written.json"}
    assert {one.name for one in (there / "workspace").iterdir()} == {
        "deep",
        "out",
        os.fsdecode(b"\xff\xfe"),
    }
    with pytest.raises(BadSetup):
        bot_memory.refuse_memory_in(to)


def test_no_bot_keeps_the_others_from_being_brought_back(tmp_path: Path) -> None:
    for bot_id in (BOT, OTHER):
        (tmp_path / "data" / str(bot_id) / "workspace").mkdir(parents=True)
    (tmp_path / "data" / str(OTHER) / "workspace" / "note").write_text("mine")
    hostile = tmp_path / "data" / str(BOT) / "workspace"
    for folder, depth, name in (("deep", 1_500, "d"), ("long", 30, "d" * 200)):
        (hostile / folder).mkdir()
        dig(hostile / folder, depth, name=name)
    with (hostile / "hollow").open("wb") as file:
        file.truncate(1 << 40)
    (hostile / "kept").write_text("kept")
    to = tmp_path / "restored"
    assert back_and_forth(tmp_path / "data", to) == 2
    bot_memory.put_in_place(to)
    assert (to / str(OTHER) / "workspace" / "note").read_text() == "mine"
    there = to / str(BOT) / "workspace"
    assert {one.name for one in there.iterdir()} == {"deep", "long", "kept"}
    for top in (hostile / "deep", to):
        remove_tree(top)


def test_what_an_attempt_left_is_replaced(tmp_path: Path) -> None:
    for content in ("first", "second"):
        at = tmp_path / content / str(BOT) / "state"
        at.mkdir(parents=True)
        (at / content).write_text(content)
    to = tmp_path / "to" / "restored"
    for content in ("first", "second"):
        (tmp_path / "to").mkdir(exist_ok=True)
        (tmp_path / "to" / "bots.zip").unlink(missing_ok=True)
        back_and_forth(tmp_path / content, to)
        bot_memory.put_in_place(to)
    assert [one.name for one in (to / str(BOT) / "state").iterdir()] == ["second"]


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "workspace/link/evil"])
def test_a_forged_backup_writes_nothing_outside(tmp_path: Path, name: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        link = tarfile.TarInfo("workspace/link")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        tar.addfile(link)
        evil = tarfile.TarInfo(name)
        evil.size = 4
        tar.addfile(evil, io.BytesIO(b"evil"))
    with written(tmp_path / "bots.zip") as writer:
        with writer.part(f"bots/{BOT}.tar") as part:
            part.write(packed.getvalue())
        writer.close_with({})
    with read(tmp_path / "bots.zip") as reader, suppress(BadSetup):
        bot_memory.unpack(reader, tmp_path / "to")
    assert not (tmp_path / "evil").exists()
    assert not Path("/tmp/evil").exists()
