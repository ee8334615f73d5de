"""Signed notes, checkpoints and leaves: published examples, and every odd byte refused."""

from __future__ import annotations

import json
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sealing.checkpoints import Checkpoint, LogWasForked, signed_checkpoint
from domain.sealing.leaves import ChainEnd, Leaf, StoredEvent, said_in, sealed
from domain.sealing.merkle import leaf_hash
from domain.sealing.notes import (
    COSIGNATURE,
    NotANote,
    NotSigned,
    SignedNote,
    VerifierKey,
    cosignature_line,
    decoded,
    signed,
)
from domain.sealing.proofs import Addition, inclusion_text
from tests.domain.ed25519 import SEED, public_of, signing_with, verify

# The example of golang.org/x/mod/sumdb/note, whose format signed-note writes down.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANNS = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
    "KvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# The example of the C2SP specification of checkpoints.
SOFA = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4"
    "URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
KEY = VerifierKey(name="clawbot.example/log", public=public_of(SEED))
CHECKPOINT = Checkpoint(origin=KEY.name, size=7, root=sha256(b"root").digest())
NOTE = signed(CHECKPOINT.text, KEY, signing_with(SEED))


def test_a_published_note_is_signed_by_its_published_key() -> None:
    key = VerifierKey.parse(NEUMANN)
    assert key.text == NEUMANN
    assert SignedNote.parse(NEUMANNS).signed_by(key, verify) is None


def test_a_published_checkpoint_is_read_and_written_the_same() -> None:
    note = SignedNote.parse(SOFA)
    checkpoint = Checkpoint.parse(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text == note.text


def test_what_we_sign_is_ours() -> None:
    assert signed_checkpoint(NOTE, KEY, verify) == CHECKPOINT
    assert VerifierKey.parse(KEY.text) == KEY


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(1, 255))
def test_not_one_byte_of_a_checkpoint_can_be_another(at: int, mask: int) -> None:
    changed = bytearray(NOTE.encode())
    changed[at] ^= mask
    try:
        note = changed.decode()
    except UnicodeDecodeError:
        return  # no text, and so nothing that could be asked about
    with pytest.raises((NotANote, NotSigned)):
        signed_checkpoint(note, KEY, verify)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "no newline at its end",
        "no signatures\n",
        NOTE.replace("\n7\n", "\r\n7\n"),
        NOTE[:-1],
        f"{NOTE}\n",
        NOTE.replace("\u2014", "-"),
        f"{NOTE}\u2014 \n",
        f"{NOTE}\u2014 x AAAA\n",
        f"{NOTE}\u2014 x AAAAAAA\n",
        NOTE + "\u2014 x AAAAAAA=\n" * 200,
        NOTE + "x" * 200_000,
    ],
)
def test_what_is_not_written_like_a_note_is_none(note: str) -> None:
    with pytest.raises(NotANote):
        SignedNote.parse(note)


def test_a_signature_of_a_key_that_nobody_knows_is_passed_over() -> None:
    foreign = VerifierKey(name=KEY.name, public=public_of(b"\1" * 32))
    line = signed(CHECKPOINT.text, foreign, signing_with(b"\1" * 32)).rpartition("\n\n")[2]
    assert signed_checkpoint(NOTE + line, KEY, verify) == CHECKPOINT


def test_a_false_signature_under_a_known_key_spoils_the_note() -> None:
    line = NOTE.rpartition("\n\n")[2]
    false = line[:-8] + ("A" if line[-8] != "A" else "B") + line[-7:]
    with pytest.raises(NotSigned):
        signed_checkpoint(NOTE + false, KEY, verify)


@pytest.mark.parametrize(
    "text",
    [
        "o\n07\n{root}\n",
        "o\n+7\n{root}\n",
        "o\n-7\n{root}\n",
        "o\n\n{root}\n",
        "o\n7\n{root}",
        "o\n7\n{root}\nmore\n",
        "\n7\n{root}\n",
        "o\n7\nAAAA\n",
        "o\n7\n{root} \n",
        "o\n7\n{loose}\n",
        "o\n\u0667\n{root}\n",
    ],
)
def test_a_checkpoint_is_written_in_one_way_only(text: str) -> None:
    root = CHECKPOINT.text.split("\n")[2]
    loose = root[:-2] + chr(ord(root[-2]) + 1) + "="  # bits that decoding would drop
    with pytest.raises(NotANote):
        Checkpoint.parse(text.format(root=root, loose=loose))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+",
        KEY.text.replace("log+", "log+0"),
        KEY.text.replace("clawbot", "claw bot"),
        f"{KEY.text[:-2]}A=",
        "+" + KEY.text.partition("+")[2],
    ],
)
def test_a_key_is_written_in_one_way_only(text: str) -> None:
    with pytest.raises(NotANote):
        VerifierKey.parse(text)


def test_a_witness_says_when_it_signed() -> None:
    witness = VerifierKey(
        name="witness.example/w1", public=KEY.public, algorithm=COSIGNATURE
    )
    assert witness.id != KEY.id
    line = cosignature_line(
        CHECKPOINT.text, witness, signing_with(SEED), seconds=1679315147
    )
    note = SignedNote.parse(NOTE + line)
    assert note.signed_by(witness, verify) == 1679315147
    later = line.replace(
        line.split()[-1],
        cosignature_line(CHECKPOINT.text, witness, signing_with(SEED), seconds=1).split()[
            -1
        ],
    )
    assert SignedNote.parse(NOTE + later).signed_by(witness, verify) == 1
    stamp = bytearray(decoded(line.split()[-1]))
    stamp[11] ^= 1  # the time's last byte
    forged = SignedNote(text=note.text, signatures=((witness.name, bytes(stamp)),))
    with pytest.raises(NotSigned):
        forged.signed_by(witness, verify)


def test_a_log_that_does_not_begin_with_what_was_signed_was_forked() -> None:
    other = Checkpoint(origin=KEY.name, size=7, root=sha256(b"other").digest())
    renamed = Checkpoint(origin="another", size=7, root=CHECKPOINT.root)
    CHECKPOINT.begins_with(CHECKPOINT, [])
    for last in (other, renamed):
        with pytest.raises(LogWasForked):
            CHECKPOINT.begins_with(last, [])


def test_what_a_witness_is_asked_is_read_back() -> None:
    asked = Addition(old=3, proof=[sha256(b"1").digest()], note=NOTE)
    assert Addition.parse(asked.text) == asked
    assert Addition.parse(Addition(old=0, proof=[], note=NOTE).text).proof == []
    for odd in ("", NOTE, asked.text.replace("old 3", "old 03"), "old 3\nAAAA\n\n" + NOTE):
        with pytest.raises(NotANote):
            Addition.parse(odd)


def test_a_proof_of_inclusion_is_a_tlog_proof() -> None:
    lines = inclusion_text(5, [b"\0" * 32], NOTE).split("\n")
    assert lines[:4] == ["c2sp.org/tlog-proof@v1", "index 5", "A" * 43 + "=", ""]
    assert "\n".join(lines[4:]) == NOTE


TEAM = UUID(int=0xA)
STATE = json.dumps({"at": "2026-11-22T12:00:00Z", "actor": "user:a", "team_id": str(TEAM)})


def an_event(state: bytes = STATE.encode()) -> StoredEvent:
    return StoredEvent(
        log="fleet",
        position=9,
        stream_id=UUID(int=1),
        version=2,
        topic="bot.created",
        state=state,
    )


def leaf_of(event: StoredEvent, behind: ChainEnd) -> Leaf:
    return sealed(event, said_in(event.state), behind)


def test_a_leaf_is_pinned_to_the_byte() -> None:
    """The verifier of an auditor reads these for years: they must never change."""
    leaf = leaf_of(an_event(), ChainEnd(seq=4, leaf=b"\1" * 32))
    assert leaf.header.decode() == (
        '{"actor":"user:a","at":"2026-11-22T12:00:00Z","log":"fleet","position":9,'
        f'"state":"{sha256(STATE.encode()).hexdigest()}",'
        '"stream":"00000000-0000-0000-0000-000000000001",'
        '"team":"00000000-0000-0000-0000-00000000000a",'
        f'"team_previous":"{"01" * 32}","team_seq":5,"topic":"bot.created","v":1,'
        '"version":2}'
    )
    assert leaf.hash == leaf_hash(leaf.header)
    assert leaf.chain_end == ChainEnd(seq=5, leaf=leaf.hash)
    assert leaf.team_id == TEAM


@given(st.binary() | st.builds(lambda v: json.dumps(v).encode(), st.from_type(type(None))))
def test_whatever_is_stored_can_be_sealed(state: bytes) -> None:
    leaf = leaf_of(an_event(state), ChainEnd())
    header = json.loads(leaf.header)
    assert (header["actor"], header["team"], leaf.team_id) == (None, None, None)
    assert header["team_previous"] is None
    assert header["state"] == sha256(state).hexdigest()
