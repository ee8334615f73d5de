"""Log files stay small, whole and private."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.supervisor.log_files import LogFile


def test_the_older_part_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "it.log"
    with closing(LogFile(path, size=8, kept=2)) as log:
        for number in range(4):
            log.write(b"line %d..\n" % number)
        log.write(b"now\n")
    files = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert files == {
        "it.log": b"now\n",
        "it.log.1": b"line 3..\n",
        "it.log.2": b"line 2..\n",
    }


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "it.log"
    with closing(LogFile(path, size=1)) as log:
        log.write(b"one\n")
        log.write(b"two\n")
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


def test_what_an_earlier_run_wrote_is_kept_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "it.log"
    path.write_bytes(b"before\n")
    with closing(LogFile(path, size=10)) as log:
        log.write(b"after\n")
    assert (tmp_path / "it.log.1").read_bytes() == b"before\nafter\n"


def test_while_no_new_file_can_be_made_the_old_one_is_written_on(tmp_path: Path) -> None:
    path = tmp_path / "it.log"
    with closing(LogFile(path, size=4, kept=2)) as log:
        (tmp_path / "it.log.1").mkdir()  # nothing can be put there
        (tmp_path / "it.log.2").mkdir()
        (tmp_path / "it.log.2/in the way").touch()
        for line in (b"one\n", b"two\n"):
            with pytest.raises(OSError):  # noqa: PT011 - whatever the system says
                log.write(line)
        assert path.read_bytes() == b"one\ntwo\n"
        for folder in (tmp_path / "it.log.2", tmp_path / "it.log.1"):
            shutil.rmtree(folder)
        log.write(b"three\n")
        log.write(b"4\n")
    assert (tmp_path / "it.log.1").read_bytes() == b"one\ntwo\nthree\n"
    assert path.read_bytes() == b"4\n"


def test_what_is_put_aside_while_no_file_is_to_be_had_is_not_put_aside_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "it.log"
    (tmp_path / "it.log.1").write_bytes(b"older\n")
    with closing(LogFile(path, size=4, kept=2)) as log:
        with monkeypatch.context() as full:
            full.setattr(LogFile, "_open", no_space)
            for line in (b"one\n", b"two\n", b"three\n"):
                with pytest.raises(OSError, match="No space left"):
                    log.write(line)
        log.write(b"four\n")
        log.write(b"5\n")
    files = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert files == {
        "it.log": b"5\n",
        "it.log.1": b"one\ntwo\nthree\nfour\n",
        "it.log.2": b"older\n",
    }


def no_space(_: LogFile) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@given(chunks=st.lists(st.binary(max_size=12), max_size=30))
def test_no_byte_is_lost_and_no_line_is_split(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    with closing(LogFile(folder / "it.log", size=20, kept=1000)) as log:
        for chunk in chunks:
            log.write(chunk)
    older = sorted(folder.glob("it.log.*"), key=lambda file: -int(file.suffix[1:]))
    assert all(file.read_bytes().endswith(b"\n") for file in older)
    whole = b"".join(file.read_bytes() for file in (*older, folder / "it.log"))
    assert whole == b"".join(chunks)
