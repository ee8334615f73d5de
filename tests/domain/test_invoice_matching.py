"""Lines and calls: each in one bucket, whatever models and keys are called."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.invoice_csv import InvoiceLine
from domain.invoice_matching import (
    CalledGroup,
    Counted,
    OutcomeKind,
    reconciled,
    told_by,
)

DAY = date(2026, 3, 2)
OURS, OTHER = UUID(int=1), UUID(int=2)
KEYS = {"Main": OURS, "Other": OTHER}


def line(model: str | None, key: str | None = None, tokens: int = 1) -> InvoiceLine:
    return InvoiceLine(
        row=2,
        day=DAY,
        model=model,
        key=key,
        input_tokens=tokens,
        output_tokens=None,
        requests=None,
        cost_micro_usd=None,
    )


def called(model: str | None, key: UUID | None = None, tokens: int = 1) -> CalledGroup:
    counted = Counted(calls=1, input_tokens=tokens)
    return CalledGroup(day=DAY, model=model, provider_key_id=key, counted=counted)


def kinds(lines: list[InvoiceLine], calls: list[CalledGroup]) -> list[OutcomeKind]:
    return sorted(one.kind for one in reconciled(lines, calls, keys=KEYS))


MATCH = [OutcomeKind.MATCH]
APART = [OutcomeKind.UNMATCHED_CALL, OutcomeKind.UNMATCHED_LINE]


@pytest.mark.parametrize(
    ("told", "counted", "expected"),
    [
        ("gpt-5", "GPT-5", MATCH),
        ("models/gemini-3", "gemini-3", MATCH),
        ("Claude Opus 4.5", "claude-opus-4-5-20251101", MATCH),
        ("gpt-5-2025-08-07", "gpt-5", MATCH),
        ("gpt-5", "gpt-5-2025-08-07", MATCH),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06", APART),
        ("gpt-5", "gpt-5-mini", APART),
        (None, "gpt-5", MATCH),
        ("gpt-5", None, APART),
    ],
)
def test_a_model_is_the_same_however_it_is_written(
    told: str | None, counted: str | None, expected: list[OutcomeKind]
) -> None:
    assert kinds([line(told)], [called(counted)]) == expected


def test_a_name_without_a_date_is_neither_of_two_dated_ones() -> None:
    lines = [line("gpt-4o-2024-05-13"), line("gpt-4o-2024-08-06")]
    assert kinds(lines, [called("gpt-4o")]) == [APART[0], APART[1], APART[1]]


def test_the_line_of_the_key_comes_before_one_without() -> None:
    lines = [line("m", "main", 3), line("m", None, 5)]
    assert kinds(lines, [called("m", OURS, 3), called("m", OTHER, 5)]) == MATCH * 2
    assert kinds([line("m", "a stranger")], [called("m", OURS)]) == APART


Names = st.sampled_from([None, "m", "m-2025-01-01", "m-2025-02-02", "n"])
Lines = st.builds(line, Names, st.sampled_from([None, "Main", "x"]), st.integers(0, 9))
Calls = st.builds(called, Names, st.sampled_from([None, OURS, OTHER]), st.integers(0, 9))


@given(st.lists(Lines, max_size=12), st.lists(Calls, max_size=12))
def test_nothing_is_lost_and_nothing_counts_twice(
    lines: list[InvoiceLine], calls: list[CalledGroup]
) -> None:
    found = reconciled(lines, calls, keys=KEYS)
    counted = [one.counted for one in found if one.counted is not None]
    assert sum(counted, Counted()) == sum((one.counted for one in calls), Counted())
    told = [one.told.input_tokens or 0 for one in found if one.told is not None]
    assert sum(told) == sum(told_by(one).input_tokens or 0 for one in lines)
    assert sum(one.lines for one in found) == len(lines)
