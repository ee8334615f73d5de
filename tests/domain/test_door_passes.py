"""Door passes and surrogates: ours, for one bot, and not to be altered."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from string import ascii_letters, digits
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import door_passes, surrogates
from domain.door_passes import DoorPass, Purpose, make_door_pass, read_door_pass
from domain.equipment import BotChannel
from domain.surrogates import Surrogate, read_surrogate, surrogate_of

SECRET = b"a key of the instance's own"
BOT, TEAM, CHANNEL = uuid4(), uuid4(), UUID(int=7)
END = 1_800_000_000
PASS = DoorPass(Purpose.MCP, BOT, TEAM)
TELEGRAM = BotChannel(id=CHANNEL, channel_type="telegram", name="t", secret_version=3)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_pass_names_its_bot_until_the_second_in_which_it_ends(purpose: Purpose) -> None:
    named = DoorPass(purpose, BOT, TEAM)
    made = make_door_pass(named, ends_at=END, secret=SECRET)
    assert made.startswith(door_passes.PREFIX)
    assert read_door_pass(made, now=END - 1, secret=SECRET) == named
    assert read_door_pass(made, now=END, secret=SECRET) is None


def test_what_another_instance_made_is_none_of_ours() -> None:
    made = make_door_pass(PASS, ends_at=END, secret=b"another instance's")
    assert read_door_pass(made, now=0, secret=SECRET) is None
    assert read_surrogate(surrogate_of(BOT, TELEGRAM, b"another's"), SECRET) is None


@given(st.integers(0, 72), st.integers(1, 255))
def test_a_pass_with_any_byte_changed_is_none(place: int, change: int) -> None:
    made = make_door_pass(PASS, ends_at=END, secret=SECRET)
    forged = altered(made, door_passes.PREFIX, place, change)
    assert read_door_pass(forged, now=0, secret=SECRET) is None


@given(st.integers(0, 55), st.integers(1, 255))
def test_a_surrogate_with_any_byte_changed_is_none(place: int, change: int) -> None:
    number, _, made = surrogate_of(BOT, TELEGRAM, SECRET).partition(":")
    forged = altered(made, surrogates.PREFIX, place, change)
    assert read_surrogate(f"{number}:{forged}", SECRET) is None


@given(
    st.text(max_size=120) | st.binary(max_size=90).map(lambda raw: raw.decode("latin-1"))
)
def test_no_text_at_all_is_taken_or_makes_it_fail(text: str) -> None:
    assert read_door_pass(door_passes.PREFIX + text, now=0, secret=SECRET) is None
    assert read_surrogate(text, SECRET) is None
    assert read_surrogate(f"1000000007:{surrogates.PREFIX}{text}", SECRET) is None


def test_a_surrogate_looks_like_a_telegram_token_and_tells_bot_channel_and_version() -> (
    None
):
    made = surrogate_of(BOT, TELEGRAM, SECRET)
    assert re.fullmatch(r"\d{10}:[A-Za-z0-9_-]{35,}", made)
    assert read_surrogate(made, SECRET) == Surrogate(BOT, CHANNEL, 3)
    assert read_surrogate("1" + made, SECRET) is None


def altered(made: str, prefix: str, place: int, change: int) -> str:
    text = made.removeprefix(prefix)
    raw = bytearray(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[place] ^= change
    return prefix + urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize("letter", f"{ascii_letters}{digits}-_")
def test_a_token_has_one_spelling(letter: str) -> None:
    made = make_door_pass(PASS, ends_at=END, secret=SECRET)
    surrogate = surrogate_of(BOT, TELEGRAM, SECRET)
    for other in (made[:-1] + letter, f"{made}={letter}", f"{made}!"):
        assert other == made or read_door_pass(other, now=0, secret=SECRET) is None
    for other in (surrogate[:-1] + letter, f"{surrogate}={letter}", f"{surrogate}!"):
        assert other == surrogate or read_surrogate(other, SECRET) is None


def test_a_token_without_its_prefix_is_none_of_ours() -> None:
    made = make_door_pass(PASS, ends_at=END, secret=SECRET)
    assert read_door_pass(made.removeprefix("cbd_"), now=0, secret=SECRET) is None
    surrogate = surrogate_of(BOT, TELEGRAM, SECRET)
    assert read_surrogate(surrogate.replace("cbs_", ""), SECRET) is None
