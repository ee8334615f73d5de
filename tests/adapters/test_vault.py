"""The envelope by itself: what it is bound to, and that nothing else opens it."""

from __future__ import annotations

from dataclasses import asdict, replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import crypto
from adapters.crypto import DoesNotOpen
from adapters.keyring import Keyring
from adapters.vault import Envelope, Sealed, fingerprint, instance_key_ref, person_ref
from tests.vaults import K1, NEW, OLD, a_ref, others

INSTANCE = UUID("018f3c2e-0000-7000-8000-000000000001")
ENVELOPE = Envelope(K1, INSTANCE)
SECRET = b"sk-test-0123456789abcdef"


@given(st.binary(min_size=1, max_size=4096))
def test_whatever_was_sealed_opens_to_itself(secret: bytes) -> None:
    ref = a_ref()
    sealed = ENVELOPE.seal(ref, secret)
    assert ENVELOPE.open(ref, sealed) == secret


@given(st.integers(1, 4096))
def test_the_length_of_a_secret_shows_in_steps_of_64_bytes_only(length: int) -> None:
    sealed = ENVELOPE.seal(a_ref(), bytes(length))
    assert len(sealed.ct) == (length // 64 + 1) * 64 + crypto.TAG_BYTES
    assert len(sealed.wrap_nonce + sealed.wrapped_dek) == 60


@pytest.mark.parametrize("change", range(len(others(a_ref()))))
def test_a_record_does_not_open_under_any_other_reference(change: int) -> None:
    ref = a_ref()
    sealed = ENVELOPE.seal(ref, SECRET)
    with pytest.raises(DoesNotOpen):
        ENVELOPE.open(others(ref)[change], sealed)
    with pytest.raises(DoesNotOpen):
        ENVELOPE.rewrap(others(ref)[change], sealed)


@given(st.data())
def test_a_record_with_any_bit_changed_does_not_open(data: st.DataObject) -> None:
    ref = a_ref()
    sealed = ENVELOPE.seal(ref, SECRET)
    columns = asdict(sealed)
    name = data.draw(st.sampled_from(sorted(columns.keys() - {"kek_id"})))
    value = columns[name]
    bit = data.draw(st.integers(0, 8 * len(value) - 1))
    changed = (int.from_bytes(value) ^ (1 << bit)).to_bytes(len(value))
    with pytest.raises(DoesNotOpen):
        ENVELOPE.open(ref, Sealed(**(columns | {name: changed})))


def test_no_part_of_one_record_opens_in_another() -> None:
    team = uuid4()
    one, other = a_ref(team_id=team), a_ref(team_id=team)
    first, second = asdict(ENVELOPE.seal(one, SECRET)), asdict(ENVELOPE.seal(other, SECRET))
    for name in first.keys() - {"kek_id"}:
        with pytest.raises(DoesNotOpen):
            ENVELOPE.open(other, Sealed(**(second | {name: first[name]})))
    with pytest.raises(DoesNotOpen):
        ENVELOPE.open(other, Sealed(**first))


def test_a_record_is_bound_to_the_id_of_its_kek() -> None:
    same_key_twice = Envelope(Keyring({"k1": OLD["k1"], "kx": OLD["k1"]}), INSTANCE)
    ref = a_ref()
    sealed = same_key_twice.seal(ref, SECRET)
    with pytest.raises(DoesNotOpen):
        same_key_twice.open(ref, replace(sealed, kek_id="kx"))


def test_a_record_does_not_open_in_another_instance_with_the_same_master_key() -> None:
    ref = a_ref()
    sealed = ENVELOPE.seal(ref, SECRET)
    with pytest.raises(DoesNotOpen):
        Envelope(K1, uuid4()).open(ref, sealed)


def test_a_record_does_not_open_without_its_master_key() -> None:
    ref = a_ref()
    sealed = ENVELOPE.seal(ref, SECRET)
    with pytest.raises(DoesNotOpen):
        Envelope(Keyring(NEW), INSTANCE).open(ref, sealed)
    with pytest.raises(DoesNotOpen):
        Envelope(Keyring({"k1": NEW["k2"]}), INSTANCE).open(ref, sealed)


def test_a_rewrapped_record_changes_only_its_wrap_and_opens_under_the_new_key_alone() -> (
    None
):
    ref = a_ref()
    before = ENVELOPE.seal(ref, SECRET)
    after = Envelope(Keyring(NEW | OLD), INSTANCE).rewrap(ref, before)
    assert (after.nonce, after.ct, after.commitment) == (
        before.nonce,
        before.ct,
        before.commitment,
    )
    assert after.kek_id == "k2"
    assert Envelope(Keyring(NEW), INSTANCE).open(ref, after) == SECRET
    with pytest.raises(DoesNotOpen):
        ENVELOPE.open(ref, after)


def test_sealing_the_same_twice_has_nothing_in_common() -> None:
    ref = a_ref()
    one, other = asdict(ENVELOPE.seal(ref, SECRET)), asdict(ENVELOPE.seal(ref, SECRET))
    assert [name for name in one if one[name] == other[name]] == ["kek_id"]


def test_the_keys_of_the_instance_and_of_people_are_told_apart_from_secrets() -> None:
    user = uuid4()
    sealed = ENVELOPE.seal(instance_key_ref(INSTANCE, "token"), SECRET)
    for ref in (instance_key_ref(INSTANCE, "cursor"), person_ref(INSTANCE, user)):
        with pytest.raises(DoesNotOpen):
            ENVELOPE.open(ref, sealed)


def test_a_fingerprint_is_equal_for_equal_secrets_of_one_team_only() -> None:
    key, team = crypto.random_key(), uuid4()
    assert fingerprint(key, team, SECRET) == fingerprint(key, team, SECRET)
    assert len(fingerprint(key, team, SECRET)) == 16
    assert fingerprint(key, team, SECRET) != fingerprint(key, uuid4(), SECRET)
    assert fingerprint(key, team, SECRET) != fingerprint(key, team, SECRET + b"0")
    assert fingerprint(key, team, SECRET) != fingerprint(crypto.random_key(), team, SECRET)


def test_a_keyring_does_not_print_its_keys() -> None:
    assert repr(K1) == str(K1) == "Keyring(k1)"
