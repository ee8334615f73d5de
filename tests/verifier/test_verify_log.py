"""The verifier by itself: its Ed25519, what it imports, what it says, how it leaves."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tarfile
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sealing import key_file
from adapters.sealing.key_file import SigningKey
from domain.sealing.notes import COSIGNATURE, cosignature_line
from tests.verifier.a_log import ALog
from verifier import verify_log
from verifier.verify_log import (
    INCOMPLETE,
    INTACT,
    Wrong,
    ed25519_verifies,
    point,
    verify,
)

FILE = Path(verify_log.__file__)

# RFC 8032, 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
            "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da0"
            "85ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac1"
            "8ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_the_published_signatures_verify_and_no_others(
    public: str, message: str, signature: str
) -> None:
    key, said, signed_by = map(bytes.fromhex, (public, message, signature))
    assert ed25519_verifies(key, said, signed_by)
    assert not ed25519_verifies(key, said + b"x", signed_by)
    for at in (0, 31, 32, 63):
        changed = bytearray(signed_by)
        changed[at] ^= 1
        assert not ed25519_verifies(key, said, bytes(changed))
    assert not ed25519_verifies(key, said, signed_by[:-1])
    assert not ed25519_verifies(key[:-1], said, signed_by)


@settings(max_examples=20)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_it_agrees_with_the_library(seed: bytes, message: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert ed25519_verifies(public, message, signature)
    # The same signature with the group's order added to S: RFC 8032 refuses it.
    larger = int.from_bytes(signature[32:], "little") + verify_log.ORDER
    again = signature[:32] + larger.to_bytes(32, "little")
    assert not ed25519_verifies(public, message, again)


def test_what_is_no_point_of_the_curve_is_none() -> None:
    assert point(bytes([2]) + bytes(31)) is None
    assert point((verify_log.P + 1).to_bytes(32, "little")) is None  # 1, written otherwise
    assert point(bytes([1]) + bytes(30) + b"\x80") is None  # x is 0 and has no sign


def test_it_imports_the_standard_library_and_nothing_else() -> None:
    imported = set[str]()
    for node in ast.walk(ast.parse(FILE.read_text())):
        if isinstance(node, ast.Import):
            imported |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(str(node.module))
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
    assert not {"socket", "urllib", "http", "subprocess", "os"} & imported


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return key_file.write_new(tmp_path / "key", "clawbot/log/1")


def test_it_says_how_far_the_log_is_signed(key: SigningKey) -> None:
    log = ALog(key)
    said, code = verify(log.bundle(10, 20))
    assert code == INTACT
    intact, compare = said.split("; ")
    assert intact == "intact: 30 events, the whole log, signed up to size 20"
    assert compare == "compare the key, which is the bundle's own: clawbot/log/1"
    assert verify(log.bundle(30), key.public.text)[0].endswith("signed up to size 30")


def test_a_log_without_a_checkpoint_is_incomplete(key: SigningKey) -> None:
    assert verify(ALog(key).bundle())[1] == INCOMPLETE
    assert verify(ALog(key).bundle(0))[1] == INCOMPLETE
    other = key_file.SigningKey(name=key.name, private=bytes(32))
    with pytest.raises(Wrong, match="not signed by the log"):
        verify(ALog(key).bundle(30), other.public.text)


def test_a_log_that_was_written_anew_is_found_between_two_checkpoints(
    key: SigningKey,
) -> None:
    old, new = ALog(key), ALog(key)
    forged = ALog(key, salt="x")
    new.lines[12:] = forged.lines[12:]
    with pytest.raises(Wrong) as wrong:
        verify(iter(old.published(5, 10, 20, 30) + forged.lines))
    assert wrong.value.index == 0
    # Alike up to 12, and sealed again from there on: nothing but the checkpoints tells.
    alike = ALog(key, salt="other", salted_from=12)
    with pytest.raises(Wrong, match="between here and 19") as wrong:
        verify(iter(old.published(5, 10, 20, 30) + alike.lines))
    assert wrong.value.index == 10
    with pytest.raises(Wrong) as wrong:
        verify(iter(alike.published(30) + alike.lines), kept=[old.note(13)])
    assert wrong.value.index == 0


def test_a_witness_must_have_signed_what_holds(key: SigningKey) -> None:
    log = ALog(key)
    witness = SigningKey(name="w.example/1", private=bytes(32), algorithm=COSIGNATURE)
    other = SigningKey(name="w.example/1", private=bytes(31) + b"x", algorithm=COSIGNATURE)
    text = log.note(10).partition("\n\n")[0] + "\n"
    line = cosignature_line(text, witness.public, witness.sign, seconds=1_760_000_000)
    ours, kept = key.public.text, [log.note(10) + line]
    said, code = verify(log.bundle(30), ours, kept, [witness.public.text])
    assert code == INTACT
    assert said.endswith("signed up to size 30, seen by w.example/1 up to 10")
    _, code = verify(log.bundle(30), ours, kept, [other.public.text])
    assert code == INCOMPLETE
    _, code = verify(log.bundle(30), witnesses=[witness.public.text])
    assert code == INCOMPLETE
    for wrong in (key.public.text, "w.example/1+00000000+AAAA"):
        _, code = verify_log.judge(log.bundle(30), "", (), [wrong])
        assert code == verify_log.BAD_INPUT
    late = line.replace(line.split(" ")[2], _one_second_later(line.split(" ")[2]))
    _, code = verify(log.bundle(30), ours, [log.note(10) + late], [witness.public.text])
    assert code == INCOMPLETE


def _one_second_later(signature: str) -> str:
    """A cosignature that claims to be of another time."""
    raw = bytearray(b64decode(signature))
    raw[11] ^= 1
    return b64encode(raw).decode() + "\n"


@pytest.mark.parametrize(
    "odd",
    [
        lambda note: note.replace("\n7\n", "\n07\n"),
        lambda note: note.replace("\n7\n", "\n+7\n"),
        lambda note: note.replace("\n7\n", "\n\uff17\n"),
        lambda note: note.replace("\n7\n", "\n7\r\n"),
        lambda note: note.replace("\n\n", "\nextension\n\n"),
        lambda note: note.replace("=\n\n", "\n\n"),
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.replace("\u2014 ", "- "),
        lambda note: note[: note.index("\n\n") + 2],
        lambda note: note.replace("clawbot/log/1\n", "clawbot/log/2\n"),
        lambda note: note.replace("clawbot/log/1\n", "clawbot/log/1\0\n"),
    ],
)
def test_a_checkpoint_with_odd_bytes_is_none(
    key: SigningKey, odd: Callable[[str], str]
) -> None:
    log = ALog(key)
    note = odd(log.note(7))
    assert note != log.note(7)
    _, code = verify_log.judge(log.bundle(30), key.public.text, [note])
    assert code == verify_log.BAD_INPUT


def test_a_forged_checkpoint_is_no_excuse(key: SigningKey) -> None:
    log = ALog(key)
    own = SigningKey(name=key.name, private=bytes(range(32)))
    forged = ALog(own).published(30)
    with pytest.raises(Wrong, match="not signed"):
        verify(iter(log.published(10) + forged + log.lines), key.public.text)
    cut = iter(log.published(10, 30) + log.lines[:20])
    with pytest.raises(Wrong, match="signed at size 30") as wrong:
        verify(cut, key.public.text)
    assert wrong.value.index == 20


@given(st.data())
@settings(max_examples=200)
def test_not_one_byte_of_a_bundle_can_be_another(data: st.DataObject) -> None:
    key = SigningKey(name="clawbot/log/1", private=bytes(32))
    lines = list(ALog(key, 9).bundle(9))
    number = data.draw(st.integers(0, len(lines) - 1))
    changed = bytearray(lines[number])
    at = data.draw(st.integers(0, len(changed) - 2))
    changed[at] ^= data.draw(st.integers(1, 255))
    lines[number] = bytes(changed)
    fine = json.loads(b"".join(ALog(key, 9).bundle(9)).splitlines()[number])
    _, code = verify_log.judge(iter(lines), key.public.text)
    if code == INTACT:  # only what means nothing to us may have changed
        now = json.loads(bytes(changed))
        if number == 0:
            assert now["data"]["note"] == fine["data"]["note"]
            return
        ours = ("id", "type", "subject", "streamversion", "logindex", "leafheader", "data")
        assert [now.get(name) for name in ours] == [fine.get(name) for name in ours]


def run(*arguments: str | Path) -> tuple[int, str]:
    """In a process of its own, away from our code."""
    done = subprocess.run(
        [sys.executable, "-I", FILE, *arguments],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_it_runs_alone_and_leaves_with_what_it_found(
    tmp_path: Path, key: SigningKey
) -> None:
    log, folder = ALog(key), tmp_path / "bundle"
    folder.mkdir()
    (folder / "checkpoints.ndjson").write_bytes(b"".join(log.published(30)))
    (folder / "events.ndjson").write_bytes(b"".join(log.lines))
    single = tmp_path / "bundle.ndjson"
    single.write_bytes(b"".join(log.bundle(30)))
    packed = tmp_path / "bundle.tar"
    with tarfile.open(packed, "w") as tar:
        for name in ("checkpoints.ndjson", "events.ndjson"):
            tar.add(folder / name, arcname=name)
    public, kept = tmp_path / "log.key", tmp_path / "kept"
    public.write_text(f"{key.public.text}\n")
    kept.write_text(log.note(7))
    for bundle in (folder, single, packed):
        code, said = run(bundle, "--key", public, "--checkpoint", kept)
        assert (code, said) == (
            0,
            "intact: 30 events, the whole log, signed up to size 30\n",
        )
    single.write_bytes(b"".join([*log.published(30), *log.lines[:4], *log.lines[5:]]))
    code, said = run(single)
    assert (code, said.split(":")[0]) == (1, "TAMPERED at index 4")
    single.write_bytes(b"".join(log.lines))
    assert run(single)[0] == 2
    for odd in (b"", b"{", b"[]\n", b"\xff\n", b'{"type":"clawbot.audit.checkpoint"}\n'):
        single.write_bytes(odd)
        code, said = run(single)
        assert code in {2, 3}, odd
    assert run(tmp_path / "nothing")[0] == 3
    assert run(folder, "--key", "name+00000000+AAAA")[0] == 3
    assert run(folder, "--checkpoint", tmp_path / "nothing")[0] == 3
    kept.write_text(log.note(7).replace("\n7\n", "\n8\n"))
    assert run(folder, "--checkpoint", kept)[0] == 3
