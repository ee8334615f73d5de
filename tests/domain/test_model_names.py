"""One model has several names: with a date at the end, a number, or `latest`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model_names import undated


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("gpt-5", "gpt-5-2025-08-07"),
        ("GPT-4", "gpt-4-0613"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022"),
        ("mistral-large-latest", "mistral-large-2411"),
        ("gemini-2.0-flash", "gemini-2.0-flash-001"),
        ("gemini-2.5-flash-preview", "gemini-2.5-flash-preview-05-20"),
        ("command-r-plus", "command-r-plus-08-2024"),
        ("doubao-seed-1-6", "doubao-seed-1-6-251015"),
        ("openai/o1", "openai/o1-2024-12-17"),
    ],
)
def test_a_model_is_the_same_under_a_name_with_a_date(asked: str, answered: str) -> None:
    assert undated(asked) == undated(answered)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gpt-4o", "gpt-4o-mini"),
        ("gpt-5", "gpt-5-pro"),
        ("gpt-4", "gpt-5"),
        ("claude-sonnet-4", "claude-sonnet-4-5"),
        ("kimi-k2", "kimi-k2.5"),
        ("2024", "latest"),
    ],
)
def test_another_model_is_another(one: str, other: str) -> None:
    assert undated(one) != undated(other)


@given(st.text(max_size=40))
def test_no_name_is_none_without_its_date(model: str) -> None:
    assert bool(undated(model)) == bool(model)
