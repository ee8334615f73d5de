"""The master key: every bad one is refused in words that hold no part of it."""

from __future__ import annotations

import base64
import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import crypto
from adapters.keyring import SAMPLES, Keyring, parse
from adapters.master_key import check, load, write_new
from adapters.settings import Settings
from application.ports import Person
from domain.errors import BadSetup
from tests.vaults import K1, NEW, OLD, a_ref, a_secret, api_on, connected

GOOD = crypto.sha256(b"a master key of these tests")
OTHER = crypto.sha256(b"another one")


def base64_of(key: bytes) -> str:
    return base64.b64encode(key).decode()


REFUSED = {
    "empty": ("", "no key"),
    "only an id": ("k1:", "no key"),
    "a trailing comma": (f"k1:{base64_of(GOOD)},", "no key"),
    "text": ("changeme", "too short"),
    "half a key": (base64_of(GOOD[:16]), "too short"),
    "31 bytes": (base64_of(GOOD[:31]), "too short"),
    "33 bytes": (base64_of(GOOD + b"x"), "too long"),
    "not base64": (base64_of(GOOD)[:-2] + "!=", "neither base64 nor 64 hex"),
    "63 hex digits": (GOOD.hex()[:-1], "neither base64 nor 64 hex"),
    "a space inside": (base64_of(GOOD)[:20] + " " + base64_of(GOOD)[20:], "neither base64"),
    "not ASCII": (base64_of(GOOD)[:-1] + "é", "neither base64"),
    "all zero": ("00" * 32, "one byte over and over"),
    "all one byte": (base64_of(b"\xa5" * 32), "one byte over and over"),
    "two bytes in turn": (base64_of(b"\x13\xf7" * 16), "too few different bytes"),
    "seven bytes": (base64_of((b"\x01\x90\x07\xfe\x33\xa0\x11" * 5)[:32]), "too few"),
    "0 to 31": (base64_of(bytes(range(32))), "published sample"),
    "31 to 0": (base64_of(bytes(range(31, -1, -1))), "published sample"),
    "changeme over and over": (base64_of(b"changeme" * 4), "text, not random"),
    "0123456789abcdef twice": (base64_of(b"0123456789abcdef" * 2), "text, not random"),
    "the hash of changeme": (crypto.sha256(b"changeme").hex(), "published sample"),
    "two without ids": (f"{base64_of(GOOD)},{base64_of(OTHER)}", "needs an id"),
    "one id for two": (f"k1:{base64_of(GOOD)},k1:{base64_of(OTHER)}", "its id stands"),
    "one key twice": (f"k2:{base64_of(GOOD)},k1:{base64_of(GOOD)}", "same key stands"),
    "an empty id": (f":{base64_of(GOOD)}", "needs an id"),
    "a shouted id": (f"K1:{base64_of(GOOD)}", "the id before the colon"),
    "the key as its own id": (f"{base64_of(GOOD)}:{base64_of(OTHER)}", "the id before"),
    "a bad second": (f"k2:{base64_of(GOOD)},k1:{base64_of(OTHER[:8])}", "entry 2 of 2"),
} | {
    f"sample {number}": (base64_of(sample), "published sample")
    for number, sample in enumerate(sorted(SAMPLES))
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_master_key_is_refused_without_a_word_of_it(case: str) -> None:
    text, reason = REFUSED[case]
    with pytest.raises(BadSetup, match=reason) as refusal:
        parse(text, "BOT_MASTER_KEY")
    message = str(refusal.value)
    pieces = (piece for entry in text.split(",") for piece in entry.split(":"))
    assert not any(
        piece[at : at + 6] in message for piece in pieces for at in every_6th(piece)
    )
    assert refusal.value.__cause__ is None


def every_6th(piece: str) -> range:
    """Where six characters of a key start (a shorter one has nothing to give away)."""
    return range(0, len(piece) - 8, 3)


@given(st.text(max_size=200) | st.binary(max_size=60).map(base64_of))
def test_any_text_is_a_keyring_of_32_byte_keys_or_bad_setup(text: str) -> None:
    try:
        keyring = parse(text, "BOT_MASTER_KEY")
    except BadSetup:
        return
    assert keyring.ids


@pytest.mark.parametrize("text", [base64_of(GOOD), GOOD.hex(), GOOD.hex().upper()])
def test_a_single_key_needs_no_id(text: str) -> None:
    keyring = parse(f" {text}\n", "BOT_MASTER_KEY")
    assert keyring.ids == (f"k{crypto.sha256(GOOD).hex()[:8]}",)
    named = parse(f"{keyring.primary}:{text}", "BOT_MASTER_KEY")
    assert same_keys(named, keyring)


def test_the_first_key_of_several_is_the_one_that_seals() -> None:
    keyring = parse(f"k2:{GOOD.hex()},k1:{base64_of(OTHER)}", "BOT_MASTER_KEY")
    assert (keyring.primary, keyring.ids) == ("k2", ("k2", "k1"))
    assert same_keys(keyring, Keyring({"k2": GOOD, "k1": OTHER}))


def test_no_master_key_at_all_is_refused_and_says_how_to_make_one() -> None:
    with pytest.raises(BadSetup, match=r"BOT_MASTER_KEY_FILE.*openssl rand"):
        load(Settings(bot_master_key=None, bot_master_key_file=None))


def test_the_file_is_preferred_to_the_variable(tmp_path: Path) -> None:
    path = tmp_path / "link"  # as container engines mount secrets
    path.symlink_to(key_file(tmp_path, 0o400))
    keyring = load(Settings(bot_master_key=base64_of(OTHER), bot_master_key_file=path))
    assert same_keys(keyring, Keyring({"k1": GOOD}))
    from_variable = load(
        Settings(bot_master_key=f"k1:{GOOD.hex()}", bot_master_key_file=None)
    )
    assert same_keys(from_variable, keyring)


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o644, 0o620, 0o601, 0o777])
def test_a_key_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, mode)
    with pytest.raises(BadSetup, match="open to others than its owner"):
        load(Settings(bot_master_key_file=path))


def test_a_key_file_that_is_missing_or_not_a_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for path, reason in (
        (tmp_path / "missing", "cannot be opened"),
        (tmp_path, "not a plain file"),
        (pipe, "not a plain file"),
    ):
        with pytest.raises(BadSetup, match=reason):
            load(Settings(bot_master_key_file=path))


def test_a_new_key_is_its_owners_alone_and_is_the_one_that_is_read_back(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "master.key"
    made = write_new(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert same_keys(load(Settings(bot_master_key_file=path)), made)
    assert not same_keys(made, write_new(tmp_path / "another.key"))
    assert capfd.readouterr() == ("", "")


def test_a_new_key_never_takes_the_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    write_new(path)
    before = path.read_bytes()
    with pytest.raises(BadSetup, match="never replaced"):
        write_new(path)
    assert path.read_bytes() == before
    with pytest.raises(BadSetup, match="cannot be written"):
        write_new(tmp_path / "no such folder" / "master.key")


def test_the_first_start_stores_check_values_and_the_next_one_finds_them(
    database_url: str,
) -> None:
    with connected(database_url, "clawbot_api") as connection:
        assert check(connection, K1) == check(connection, K1)
        rows = connection.execute("SELECT kek_id, length(check_value) FROM vault.kek")
        assert rows.fetchall() == [{"kek_id": "k1", "length": 16}]


def test_another_key_under_a_known_id_is_refused(database_url: str) -> None:
    with connected(database_url, "clawbot_api") as connection:
        check(connection, K1)
        with pytest.raises(BadSetup, match="k1 is not the one"):
            check(connection, Keyring({"k1": NEW["k2"]}))


def test_of_two_first_starts_with_different_keys_the_second_is_refused(
    database_url: str,
) -> None:
    with connected(database_url, "clawbot_api") as first, ThreadPoolExecutor(1) as thread:
        with first.transaction():
            check(first, K1)
            second = thread.submit(start, database_url, Keyring({"k1": NEW["k2"]}))
            wait_until_somebody_waits(database_url)
        with pytest.raises(BadSetup, match="k1 is not the one"):
            second.result(timeout=10)


@pytest.mark.parametrize("sealed", ["a person", "an instance key"])
def test_people_and_instance_keys_keep_a_key_in_use_too(
    database_url: str, sealed: str
) -> None:
    with api_on(database_url) as api:
        if sealed == "a person":
            api.people.put(
                uuid4(), Person(email="a@b.example", name="A", password_hash="h")
            )
        else:
            api.keys.get("token")
    with pytest.raises(BadSetup, match="sealed under k1"):
        start(database_url, Keyring(NEW))


@pytest.mark.parametrize("role", ["clawbot_api", "clawbot_proxy", "clawbot_worker"])
def test_a_keyring_without_a_key_in_use_is_refused_in_every_role(
    database_url: str, role: str
) -> None:
    with api_on(database_url) as api:
        api.vault.put(a_ref(), a_secret())
    with connected(database_url, role) as connection:
        with pytest.raises(BadSetup, match="knows none of the master keys given"):
            check(connection, Keyring(NEW))
        check(connection, Keyring(NEW | OLD))


def test_a_key_in_use_cannot_be_taken_out_after_the_new_one_is_known(
    database_url: str,
) -> None:
    with api_on(database_url) as api:
        api.vault.put(a_ref(), a_secret())
        api.connection.commit()
        check(api.connection, Keyring(NEW | OLD))
        with pytest.raises(BadSetup, match="still needs the master key k1"):
            check(api.connection, Keyring(NEW))


def test_a_role_that_may_not_store_check_values_starts_all_the_same(
    database_url: str,
) -> None:
    with connected(database_url, "clawbot_proxy") as connection:
        check(connection, K1)
        assert connection.execute("SELECT kek_id FROM vault.kek").fetchall() == []


def start(url: str, keyring: Keyring) -> None:
    with connected(url, "clawbot_api") as connection:
        check(connection, keyring)


def wait_until_somebody_waits(url: str) -> None:
    """Until a session of this database waits for the end of another's transaction."""
    deadline = time.monotonic() + 10
    with connected(url) as watcher:
        watcher.autocommit = True
        while not watcher.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock'"
        ).fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.02)


def key_file(folder: Path, mode: int) -> Path:
    path = folder / "key"
    path.write_text(f"k1:{base64_of(GOOD)}\n")
    path.chmod(mode)
    return path


def same_keys(one: Keyring, other: Keyring) -> bool:
    instance = a_ref().id
    return one.ids == other.ids and all(
        one.kek(kek_id, instance) == other.kek(kek_id, instance) for kek_id in one.ids
    )
