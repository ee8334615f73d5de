"""The signer: signs what follows, refuses what does not, and never forgets."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import psycopg
import pytest

from adapters import crypto
from adapters.sealing import key_file
from adapters.sealing.kept import FILE, KeptCheckpoint, held
from adapters.sealing.signer import KEY, record_fork, sign_on
from domain.errors import BadSetup, ConcurrentChange
from domain.sealing.checkpoints import LogWasForked, signed_checkpoint
from domain.sealing.notes import VerifierKey
from tests.adapters.jobs.given import eventually
from tests.adapters.sealing.given import (
    ask,
    attack,
    back_up,
    kept_note,
    restore,
    seal_all,
    sign,
    signing,
    write,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "signer"


def signed_sizes(url: str) -> list[int]:
    """Of every published checkpoint, each signed by the key that is published with it."""
    rows = ask(url, "SELECT size, key, note FROM log_checkpoint ORDER BY signed_at, size")
    for size, key, note in rows:
        checkpoint = signed_checkpoint(
            note, VerifierKey.parse(key), crypto.ed25519_verifies
        )
        assert checkpoint.size == size
    return [size for size, _, _ in rows]


def test_it_signs_what_there_is_and_again_when_there_is_more(
    database_url: str, folder: Path
) -> None:
    sign(database_url, folder)
    write(database_url)
    first = seal_all(database_url)
    with signing(database_url, folder) as signer:
        signed = signer.turn()
        assert signed is not None
        assert signed.size == first
        assert signer.turn() is None
    write(database_url, seed=2, fleet=False)
    second = seal_all(database_url)
    sign(database_url, folder)
    assert signed_sizes(database_url) == [0, first, second]


def test_its_folder_is_for_its_own_eyes(database_url: str, folder: Path) -> None:
    sign(database_url, folder)
    assert stat.S_IMODE((folder / KEY).stat().st_mode) == 0o600
    (folder / KEY).chmod(0o640)
    with pytest.raises(BadSetup, match="chmod 600"), signing(database_url, folder):
        pass


def test_it_refuses_a_log_that_was_changed_behind_its_back(
    database_url: str, folder: Path
) -> None:
    write(database_url)
    size = seal_all(database_url)
    sign(database_url, folder)
    flipped = "set_byte(hashes, 0, get_byte(hashes, 0) # 1)"
    attack(database_url, f"UPDATE log_tile SET hashes = {flipped}")
    write(database_url, seed=2, fleet=False)
    seal_all(database_url)
    with signing(database_url, folder) as signer, pytest.raises(LogWasForked):
        signer.turn()
    assert signed_sizes(database_url) == [size]


def test_it_refuses_a_restored_log_until_the_fork_is_recorded(
    database_url: str, folder: Path
) -> None:
    write(database_url)
    seal_all(database_url)
    sign(database_url, folder)
    back_up(database_url)
    write(database_url, seed=2, fleet=False)
    longer = seal_all(database_url)
    sign(database_url, folder)
    restore(database_url)
    with (
        signing(database_url, folder) as signer,
        pytest.raises(LogWasForked, match=r"a backup.*`clawbot audit fork"),
    ):
        signer.turn()
    aside = record_fork(folder, "the disk failed")
    assert (aside / "why").read_text() == "the disk failed\n"
    assert KeptCheckpoint(aside).checkpoint is not None
    sign(database_url, folder)
    names = {
        key.partition("+")[0]
        for (key,) in ask(database_url, "SELECT key FROM log_checkpoint")
    }
    assert len(names) == 2  # it goes on as another log
    assert longer in signed_sizes(database_url)  # what was promised stays on record


def test_a_lost_key_is_never_made_up_again(database_url: str, folder: Path) -> None:
    sign(database_url, folder)
    (folder / KEY).rename(folder / "elsewhere")
    with pytest.raises(BadSetup, match="was signed before"), signing(database_url, folder):
        pass
    assert not (folder / KEY).exists()


def test_a_lost_memory_is_never_made_up_again(database_url: str, folder: Path) -> None:
    sign(database_url, folder)
    (folder / FILE).unlink()
    with pytest.raises(BadSetup, match="is gone"), signing(database_url, folder):
        pass


def test_an_older_memory_is_refused(database_url: str, folder: Path) -> None:
    sign(database_url, folder)
    old = kept_note(folder)
    write(database_url)
    seal_all(database_url)
    sign(database_url, folder)
    KeptCheckpoint(folder).save(old)
    with pytest.raises(BadSetup, match="older than"), signing(database_url, folder):
        pass


def test_another_keys_memory_is_refused(database_url: str, folder: Path) -> None:
    sign(database_url, folder)
    (folder / KEY).unlink()
    key_file.write_new(folder / KEY, "clawbot/log/another")
    with (
        pytest.raises(BadSetup, match="not signed by the key"),
        signing(database_url, folder),
    ):
        pass


def test_what_was_signed_and_not_published_is_published_at_the_next_start(
    database_url: str, folder: Path
) -> None:
    write(database_url)
    size = seal_all(database_url)
    sign(database_url, folder)
    attack(database_url, "DELETE FROM log_checkpoint")  # it died just before
    with signing(database_url, folder):
        assert signed_sizes(database_url) == [size]


def test_a_published_checkpoint_that_is_not_the_kept_one_is_noticed(
    database_url: str, folder: Path
) -> None:
    sign(database_url, folder)
    attack(database_url, "UPDATE log_checkpoint SET note = 'x'")
    with pytest.raises(ConcurrentChange), signing(database_url, folder):
        pass


def test_of_every_hour_that_is_over_the_last_checkpoint_is_left(
    database_url: str, folder: Path
) -> None:
    sign(database_url, folder)
    insert = (
        "INSERT INTO log_checkpoint SELECT size, %s, 'note', date_trunc('hour', now(), "
        "'UTC') + %s::interval + size * interval '1 second' "
        "FROM generate_series(%s::int, %s::int) AS size"
    )
    for key, when, first, last in (
        ("a", "-5 hours", 1, 40),
        ("a", "-3 hours", 41, 80),
        ("b", "-3 hours", 1, 9),
        ("a", "0 hours", 81, 84),
    ):
        ask(database_url, insert, key, when, first, last)
    with signing(database_url, folder) as signer:
        signer.thin()
    rows = ask(database_url, "SELECT key, size FROM log_checkpoint WHERE size > 0")
    assert sorted(rows) == [("a", n) for n in (40, 80, 81, 82, 83, 84)] + [("b", 9)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="last one of its hour"):
        ask(database_url, "DELETE FROM log_checkpoint WHERE size = 40")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="last one of its hour"):
        ask(database_url, "DELETE FROM log_checkpoint WHERE size = 81")


@pytest.mark.parametrize("text", ["", "PRIVATE+KEY+a+00000000+AAAA\n", "\xff", "x" * 99])
def test_a_file_that_holds_no_key_is_refused_without_being_shown(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "key"
    path.write_text(text, encoding="latin-1")
    path.chmod(0o600)
    with pytest.raises(BadSetup) as refused:
        key_file.read(path)
    assert "AAAA" not in str(refused.value)


def test_a_key_is_read_back_and_not_printed(tmp_path: Path) -> None:
    key = key_file.write_new(tmp_path / "key", "clawbot/log/1")
    assert key_file.read(tmp_path / "key") == key
    assert key.private.hex() not in repr(key)
    assert repr(key.private) not in repr(key)
    with pytest.raises(BadSetup, match="cannot be written"):
        key_file.write_new(tmp_path / "key", "clawbot/log/2")


def test_one_process_at_a_time_signs(folder: Path) -> None:
    with held(folder), pytest.raises(BadSetup, match="Another process"), held(folder):
        pass
    with held(folder):
        pass


def test_the_process_keeps_up_with_the_log(database_url: str, folder: Path) -> None:
    stop = threading.Event()
    signer = threading.Thread(
        target=sign_on, args=(folder, database_url, stop), kwargs={"every": 0.05}
    )
    signer.start()
    try:
        write(database_url)
        size = seal_all(database_url)
        eventually(lambda: size in signed_sizes(database_url))
    finally:
        stop.set()
        signer.join(10)
    assert KeptCheckpoint(folder).note == kept_note(folder)
