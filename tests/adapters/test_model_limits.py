"""How much a model writes at most, by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.model_limits import ModelLimits, read_model_limits
from adapters.model_limits import shipped_model_limits as shipped
from domain.errors import BadSetup


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("gpt-4o-mini", 16_384),
        ("openai/gpt-4.1-nano", 32_768),
        ("gpt-4", 8_192),
        ("GPT-5-mini", 128_000),
        ("claude-opus-4-20250514", 32_000),
        ("claude-opus-4-5-20251101", 64_000),
        ("claude-opus-4-8", 128_000),
        ("models/gemini-2.5-flash", 65_536),
        ("gemini-2.0-flash-lite", 8_192),
        ("deepseek-chat", 384_000),
        ("something-else", None),
        ("", None),
        (None, None),
    ],
)
def test_a_models_own_limit_is_known_by_its_name(
    model: str | None, limit: int | None
) -> None:
    assert shipped().output_limit(model) == limit


def test_the_longest_beginning_holds() -> None:
    limits = ModelLimits({"a": 1, "a-b-c": 3, "a-b": 2})
    asked = ["a-b-c-d", "a-b", "a-c", "b"]
    assert [limits.output_limit(model) for model in asked] == [3, 2, 1, None]


@pytest.mark.parametrize(
    "text", ["limits: [", "version: '1'\nlimits: {0: [a]}", "version: '1'\nlimits: {1: a}"]
)
def test_a_bad_file_names_what_is_wrong(tmp_path: Path, text: str) -> None:
    (tmp_path / "limits.yaml").write_text(text)
    with pytest.raises(BadSetup, match="limits"):
        read_model_limits(tmp_path / "limits.yaml")
