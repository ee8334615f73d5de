"""A witness puts its name to what follows what it saw, and to nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters import crypto
from adapters.sealing.key_file import SigningKey, write_new
from adapters.sealing.witness import NotWhatWasSeenLast, Witness
from domain.errors import BadSetup
from domain.sealing.checkpoints import Checkpoint, LogWasForked
from domain.sealing.merkle import leaf_hash
from domain.sealing.notes import NotSigned, SignedNote, signed
from domain.sealing.proofs import Addition
from domain.sealing.tiles import Tree, grown


@pytest.fixture
def log_key(tmp_path: Path) -> SigningKey:
    return write_new(tmp_path / "log-key", "clawbot/log/1")


def asked(key: SigningKey, old: int, size: int, *, salt: str = "") -> Addition:
    """To sign a log of that size, which differs from all others by its salt."""
    tiles = grown(
        0, lambda _level, _n: b"", [leaf_hash(f"{salt}{n}".encode()) for n in range(size)]
    )
    tree = Tree(size, lambda level, n: tiles[level, n])
    checkpoint = Checkpoint(origin=key.name, size=size, root=tree.root())
    note = signed(checkpoint.text, key.public, key.sign)
    return Addition(old=old, proof=tree.consistency(old), note=note)


def test_it_signs_one_after_the_other_and_says_when(
    tmp_path: Path, log_key: SigningKey
) -> None:
    witness = Witness(tmp_path, log_key.public, name="witness.example/w1")
    for old, size in ((0, 3), (3, 300), (300, 300)):
        one = asked(log_key, old, size)
        note = SignedNote.parse(one.note + witness.cosign(one))
        assert (
            note.signed_by(witness.public, crypto.ed25519_verifies) or 0
        ) > 1_700_000_000
        assert note.signed_by(log_key.public, crypto.ed25519_verifies) is None


def test_it_remembers_and_signs_no_fork(tmp_path: Path, log_key: SigningKey) -> None:
    Witness(tmp_path, log_key.public, name="w").cosign(asked(log_key, 0, 3))
    again = Witness(tmp_path, log_key.public, name=None)
    for fork in (asked(log_key, 3, 5, salt="x"), asked(log_key, 3, 3, salt="x")):
        with pytest.raises(LogWasForked):
            again.cosign(fork)
    again.cosign(asked(log_key, 3, 5))


def test_it_says_which_size_it_saw_last(tmp_path: Path, log_key: SigningKey) -> None:
    witness = Witness(tmp_path, log_key.public, name="w")
    witness.cosign(asked(log_key, 0, 3))
    for old in (0, 2, 5):
        with pytest.raises(NotWhatWasSeenLast) as refused:
            witness.cosign(asked(log_key, old, 5))
        assert refused.value.size == 3


def test_it_signs_for_one_log_only(tmp_path: Path, log_key: SigningKey) -> None:
    other = write_new(tmp_path / "other-key", "clawbot/log/1")
    witness = Witness(tmp_path, log_key.public, name="w")
    with pytest.raises(NotSigned):
        witness.cosign(asked(other, 0, 3))


def test_a_witness_without_a_key_needs_a_name(tmp_path: Path, log_key: SigningKey) -> None:
    with pytest.raises(BadSetup, match="give the witness a name"):
        Witness(tmp_path, log_key.public, name=None)
