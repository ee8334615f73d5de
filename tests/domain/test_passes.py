"""Check passes: ours, for one key, until their end."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from string import ascii_letters, digits
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.passes import PREFIX, key_of_pass, make_pass

SECRET = b"a key of the instance's own"
KEY = UUID("8d7a9a5e-1f6b-4a55-9b1e-0a6b7c8d9e0f")
END = 1_800_000_000


def test_a_pass_names_its_key_until_the_second_in_which_it_ends() -> None:
    made = make_pass(KEY, ends_at=END, secret=SECRET)
    assert made.startswith(PREFIX)
    assert key_of_pass(made, now=END - 1, secret=SECRET) == KEY
    assert key_of_pass(made, now=END, secret=SECRET) is None


def test_a_pass_of_another_instance_is_none_of_ours() -> None:
    made = make_pass(KEY, ends_at=END, secret=b"another instance's")
    assert key_of_pass(made, now=0, secret=SECRET) is None


@given(st.integers(0, 55), st.integers(1, 255))
def test_a_pass_with_any_byte_changed_is_none(place: int, change: int) -> None:
    made = make_pass(KEY, ends_at=END, secret=SECRET).removeprefix(PREFIX)
    raw = bytearray(urlsafe_b64decode(made + "=" * (-len(made) % 4)))
    raw[place] ^= change
    forged = PREFIX + urlsafe_b64encode(raw).decode().rstrip("=")
    assert key_of_pass(forged, now=0, secret=SECRET) is None


@pytest.mark.parametrize("letter", f"{ascii_letters}{digits}-_")
def test_a_pass_has_one_spelling(letter: str) -> None:
    made = make_pass(KEY, ends_at=END, secret=SECRET)
    for other in (made[:-1] + letter, f"{made}={letter}", f"{made}!", made[len(PREFIX) :]):
        assert other == made or key_of_pass(other, now=0, secret=SECRET) is None


@given(
    st.text(max_size=120) | st.binary(max_size=90).map(lambda raw: raw.decode("latin-1"))
)
def test_no_text_at_all_is_taken_or_makes_it_fail(text: str) -> None:
    assert key_of_pass(PREFIX + text, now=0, secret=SECRET) is None


@pytest.mark.parametrize("end", ["", "A", "=", "\n"])
def test_what_is_longer_or_shorter_than_a_pass_is_none(end: str) -> None:
    made = make_pass(KEY, ends_at=END, secret=SECRET)
    assert key_of_pass(made[:-4], now=0, secret=SECRET) is None
    if end.isalpha():
        assert key_of_pass(made + end * 4, now=0, secret=SECRET) is None


def test_passes_of_two_keys_differ_in_more_than_the_key() -> None:
    first, second = (make_pass(uuid4(), ends_at=END, secret=SECRET) for _ in range(2))
    assert first[-32:] != second[-32:]
