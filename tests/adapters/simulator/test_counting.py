"""The rule of counting, and texts made to a size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.counting import (
    greeting,
    lengthened,
    pieces_of,
    tokens_of,
    tokens_of_message,
)

texts = st.text(st.characters(exclude_categories=["Cs"]))


def test_a_token_is_every_started_four_bytes() -> None:
    counted = [
        tokens_of(text) for text in ("", "a", "abcd", "abcde", "é", "日本", "😀", "😀a")
    ]
    assert counted == [0, 1, 1, 2, 1, 2, 1, 2]


def test_each_text_of_a_message_counts_by_itself_and_the_message_three() -> None:
    assert tokens_of_message("a", "b") == 5


@given(texts, st.integers(0, 300))
def test_a_lengthened_text_has_just_so_many_tokens(text: str, tokens: int) -> None:
    assert tokens_of(lengthened(text, tokens * 4)) == tokens


@given(texts)
def test_pieces_make_up_the_text(text: str) -> None:
    assert "".join(pieces_of(text)) == text


@given(texts)
def test_ascii_pieces_are_a_token_each(text: str) -> None:
    plain = text.encode("ascii", "ignore").decode()
    assert len(pieces_of(plain)) == tokens_of(plain)


@given(texts)
def test_a_greeting_is_short_and_begins_the_same(text: str) -> None:
    assert tokens_of(greeting(text)) <= 64
    assert greeting(text).startswith("Hello from the simulator.")
