"""Of a user's message only the user's own words are looked at."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.user_words import own_words

INTERNAL = "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>\nsql\n<<<END_OPENCLAW_INTERNAL_CONTEXT>>>"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fix the bug", "fix the bug"),
        (f"hello {INTERNAL} there", "hello  there"),
        (INTERNAL, ""),
        ("[Sun 2026-11-22 15:00 UTC] hi\nRuntime: agent=main model=x", "hi"),
        ("<system-reminder>sql</system-reminder>\n\nhi", "hi"),
        ("hi <system-reminder>never closed sql", "hi"),
        (
            "<task>do it</task><environment_details># Tabs\nsql</environment_details>",
            "do it",
        ),
        ("<environment_context>\n<cwd>/</cwd>\n</environment_context>", ""),
        ("# AGENTS.md instructions for /x\n<INSTRUCTIONS>sql</INSTRUCTIONS>\nhi", "hi"),
        ('<ide_opened_file path="a">x</ide_opened_file>hi', "hi"),
        ("<command-name>/clear</command-name>hi", "hi"),
        ("a < b and c > d, <b>bold</b>", "a < b and c > d, <b>bold</b>"),
        ("[1] first", "[1] first"),
    ],
)
def test_what_an_agent_put_in_is_taken_out(text: str, words: str) -> None:
    assert own_words(text) == words


@given(st.text(), st.text(alphabet="ab <>/"))
def test_words_around_a_block_stay(before: str, after: str) -> None:
    kept = own_words(f"{before}<system-reminder>x</system-reminder>{after}")
    assert kept == own_words(before + after) or "<" in before + after or "[" in before


@pytest.mark.parametrize(
    "piece", ["<system-reminder>", "<command-a ", "[2026-01-01", "Runtime:"]
)
def test_hostile_text_takes_no_long_time(piece: str) -> None:
    began = time.process_time()
    own_words(piece * 20_000)
    assert time.process_time() - began < 1
