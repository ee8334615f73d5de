"""`clawbot demo` tells the whole story, and is not satisfied with numbers that differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.demo.transcript import Transcript
from adapters.demo.walk import Outcome, tell_comparison
from tests.api.cli.running import clawbot

pytestmark = pytest.mark.xdist_group("up")

COUNTED = {"gpt-5-mini": (6, 12), "claude-sonnet-4-5": (7, 13)}
TOTAL = {"input_tokens": 13, "output_tokens": 25}


def test_the_main_job_is_walked_and_the_vendor_counted_the_same(tmp_path: Path) -> None:
    ran = clawbot("demo", folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    lines = ran.stdout.splitlines()
    assert len(lines) < 60
    assert lines[-1] == "The numbers are equal."
    for told in (
        "Hello from the simulator. You said: Who are you?",
        "call.admitted",
        "call.settled",
        "settled by us",
    ):
        assert told in ran.stdout


@pytest.mark.parametrize(
    ("ours", "ledger", "total"),
    [
        (COUNTED | {"gpt-5-mini": (6, 11)}, COUNTED, TOTAL),
        ({"gpt-5-mini": (6, 12)}, COUNTED, TOTAL),
        (COUNTED, COUNTED, TOTAL | {"output_tokens": 24}),
        (COUNTED | {"x": (None, None)}, COUNTED | {"x": (None, None)}, TOTAL),
    ],
)
def test_numbers_that_differ_or_are_unknown_are_not_equal(
    ours: dict[str, tuple[int, int]],
    ledger: dict[str, tuple[int, int]],
    total: dict[str, int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    outcome = Outcome(
        ours=ours, ledger=ledger, summary=total, stream=[], key_was_shown=False
    )
    assert not outcome.equal
    tell_comparison(outcome, Transcript())
    assert capsys.readouterr().out.endswith("The numbers differ.\n")


def test_equal_numbers_are_equal() -> None:
    outcome = Outcome(
        ours=COUNTED, ledger=COUNTED, summary=TOTAL, stream=[], key_was_shown=False
    )
    assert outcome.equal
