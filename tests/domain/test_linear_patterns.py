"""Linear patterns find what regular expressions find, in bounded time."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.linear_patterns import LONGEST_TEXT, LinearPattern, NotAPattern
from domain.pattern_syntax import MOST_POSITIONS

SIGNS = "aAbBc0_ .-\n"


def _patterns() -> st.SearchStrategy[str]:
    assertions = [r"\b", r"\B", "^", "$"]
    readers = [*"aBc0_.-", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", r"\."]
    repeatable = st.sampled_from([*readers, "[ab]", "[^a]", "[a-c0]", r"[^\d_]"])
    times = st.sampled_from(
        ["", "", "", "*", "+", "?", "{2}", "{1,3}", "{0,2}", "{1,}", "+?"]
    )

    def larger(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        group = parts.map(lambda part: f"({part})")
        options = st.lists(parts, min_size=2, max_size=3).map(lambda o: f"({'|'.join(o)})")
        repeated = st.tuples(group | options, times).map("".join)
        return st.lists(parts | repeated, max_size=3).map("".join)

    leaves = st.tuples(repeatable, times).map("".join) | st.sampled_from(assertions)
    return st.recursive(leaves, larger, max_leaves=8)


@settings(max_examples=600, deadline=None)
@given(pattern=_patterns(), text=st.text(SIGNS, min_size=1, max_size=12))
def test_it_finds_what_a_regular_expression_finds(pattern: str, text: str) -> None:
    try:
        ours = LinearPattern(pattern)
    except NotAPattern:
        return
    # Our `$` is the very end. (On no text at all Python 3.11 thinks of \B otherwise.)
    theirs = re.compile(pattern.replace("$", r"\Z"), re.IGNORECASE)
    assert ours.found_in(text) == bool(theirs.search(text)), (pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"\b(sql|postgres(ql)?)\b", "Which PostgreSQL index?", True),
        (r"\bsql\b", "mysql", False),
        (r"fix.{0,20}bug", "please FIX this odd little bug", True),
        (r"^translate", "Translate: hello", True),
        (r"^translate", "please translate", False),
        (r"thanks?$", "ok, thanks", True),
        ("翻译|总结", "请总结这篇文章", True),
        (r"[^\x20]", "", None),
        (r"^$", "", True),
    ],
)
def test_rules_can_be_written(pattern: str, text: str, found: bool | None) -> None:  # noqa: FBT001
    if found is None:
        with pytest.raises(NotAPattern):
            LinearPattern(pattern)
    else:
        assert LinearPattern(pattern).found_in(text) is found


@pytest.mark.parametrize(
    "pattern",
    [
        *("(", ")", "(a", "a)", "[", "[a", "*", "a**", "a{", "a{x}", "a{3,1}", "a{65}"),
        *(r"(?=a)", r"(?<n>a)", r"(a)\1", r"\p", "\\", "[z-a]", r"[a-\d]", r"(?i)a"),
        *("a" * 201, "(a{64}){64}", "a{64}b{64}c{64}", "(" * 30 + ")" * 30),
        r"(((((\b){64}){64}){64}){64}){64}",
    ],
)
def test_what_is_no_pattern_is_refused_with_the_reason(pattern: str) -> None:
    with pytest.raises(NotAPattern) as refused:
        LinearPattern(pattern)
    assert str(refused.value)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * LONGEST_TEXT + "!"),
        ("(a|a|aa)*b", "a" * 1_000_000),
        ("a.{0,60}a.{0,60}b", "a" * LONGEST_TEXT),
        ("(.*)(.*)(.*)(.*)x", "y" * LONGEST_TEXT),
        ("(a|b)*a(a|b){60}", "abba" * LONGEST_TEXT),
        (r"(\w+\s?)+!", "many words and no end " * 300),
    ],
)
def test_what_makes_others_slow_takes_milliseconds(pattern: str, text: str) -> None:
    compiled = LinearPattern(pattern)
    assert compiled.size <= MOST_POSITIONS
    began = time.process_time()
    compiled.found_in(text)
    assert time.process_time() - began < 0.5
