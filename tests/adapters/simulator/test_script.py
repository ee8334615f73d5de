"""Directives: what is read from them, and what is refused."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.script import (
    NUMBERS,
    SWITCHES,
    WORDS,
    BadDirective,
    Script,
    script_of,
)


def test_separators_may_be_mixed_and_empty_ones_do_nothing() -> None:
    asked = script_of("", "slow+tokens=5,,cut=2+", " echo , nousage ")
    assert asked == Script(slow=500, tokens=5, cut=2, echo=True, nousage=True)


def test_a_word_may_be_put_into_its_mouth() -> None:
    assert script_of("", "say=complex", "") == Script(say="complex")
    with pytest.raises(BadDirective):
        script_of("", "say=two words", "")


@given(st.dictionaries(st.sampled_from(sorted(NUMBERS)), st.integers(0, 1 << 31)))
def test_numbers_are_taken_within_their_bounds(numbers: dict[str, int]) -> None:
    text = "+".join(f"{name}={number}" for name, number in numbers.items())
    fits = all(NUMBERS[name][1] <= n <= NUMBERS[name][2] for name, n in numbers.items())
    changes: dict[str, Any] = {**numbers}
    if fits:
        assert script_of("", text, "") == replace(Script(), **changes)
        return
    with pytest.raises(BadDirective, match="needs a whole number"):
        script_of("", text, "")


@given(st.text())
def test_any_text_is_a_script_or_a_bad_directive(text: str) -> None:
    with suppress(BadDirective):
        assert isinstance(script_of("", text, ""), Script)


@pytest.mark.parametrize("name", sorted({*NUMBERS, *SWITCHES, *WORDS}))
def test_an_unknown_directive_tells_the_known_ones(name: str) -> None:
    with pytest.raises(BadDirective, match=name):
        script_of("", "dance", "")


@pytest.mark.parametrize("key", ["abc+cut=1", "sk-simple+cut=1", "simx+cut=1", "sk-sim"])
def test_ordinary_credentials_are_no_scripts(key: str) -> None:
    assert script_of(key, "", "") == Script()
