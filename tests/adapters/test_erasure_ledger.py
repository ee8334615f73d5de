"""The ledger of erasures: what was added is there, however a write was broken off."""

from __future__ import annotations

import stat
from pathlib import Path
from threading import Thread
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.erasure_ledger import FileErasures, ids_in
from domain.errors import BadSetup, Unavailable

ADA, EVE, BOB = (UUID(int=number) for number in (1, 2, 3))


def test_who_is_added_stands_there_once(tmp_path: Path) -> None:
    ledger = FileErasures(tmp_path / "data" / "erasures.txt")
    assert ledger.ids() is None
    ledger.add([])
    assert ledger.ids() == [], "there is one, with nobody in it"
    ledger.add([EVE, ADA, EVE])
    ledger.add([ADA, BOB])
    assert ledger.ids() == [EVE, ADA, BOB]
    assert ledger.path.read_text() == f"{EVE}\n{ADA}\n{BOB}\n"
    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600


@given(cut=st.integers(0, 3 * 37))
def test_a_write_that_was_broken_off_counts_for_nobody(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    ledger = FileErasures(tmp_path_factory.mktemp("data") / "erasures.txt")
    ledger.add([ADA, EVE, BOB])
    ledger.path.write_bytes(ledger.path.read_bytes()[:cut])
    whole = [ADA, EVE, BOB][: cut // 37]
    assert ledger.ids() == whole
    ledger.add([BOB])
    assert ledger.ids() == [*whole, *([] if BOB in whole else [BOB])]


def test_several_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "erasures.txt"
    everybody = [UUID(int=number) for number in range(40)]
    writers = [
        Thread(target=FileErasures(path).add, args=([user_id],)) for user_id in everybody
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(ids_in(path)) == everybody


def test_a_ledger_that_is_none_is_told(tmp_path: Path) -> None:
    ledger = FileErasures(tmp_path / "erasures.txt")
    ledger.path.write_text(f"{ADA}\nada@example.com\n{EVE}\n")
    for use in (ledger.ids, lambda: ledger.add([BOB])):
        with pytest.raises(BadSetup, match="line 2"):
            use()
    with pytest.raises(BadSetup, match="There is no"):
        ids_in(tmp_path / "nothing")
    ledger.path.unlink()
    ledger.path.mkdir()
    for use in (ledger.ids, lambda: ledger.add([BOB])):
        with pytest.raises(Unavailable):
            use()
