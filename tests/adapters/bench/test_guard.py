"""A call may cost a quarter more than it did, and no more; CI runs the real thing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters.bench import guard
from adapters.bench.base import Base
from adapters.bench.guard import Incomparable, Side, extract, hold, said, side, verdict_of
from domain.errors import BadSetup


def a_side(*cpu_us: float) -> Side:
    return Side(pid=1, port=1, request=b"", cpu_us=list(cpu_us))


def test_each_round_is_compared_with_itself() -> None:
    """A noisy round is noisy for both, and one that was so for one alone is outvoted."""
    now, before = a_side(110, 550, 110, 900), a_side(100, 500, 100, 100)
    verdict = verdict_of(now, before)
    assert verdict.times == pytest.approx(1.1)
    assert (verdict.head_us, verdict.base_us, verdict.rounds) == (330, 100, 4)


@pytest.mark.parametrize(("now", "good"), [(125.0, True), (126.0, False), (50.0, True)])
def test_a_quarter_more_is_the_limit(now: float, good: bool) -> None:  # noqa: FBT001
    verdict = verdict_of(a_side(now), a_side(100.0))
    assert verdict.good is good
    line = said(Base(commit="a" * 40, why="its parent"), verdict)
    assert f"{now:.0f} µs; 100 µs at aaaaaaaaaa (its parent)" in line
    assert ("TOO MUCH" in line) is not good


def test_with_nothing_to_compare_with_it_says_so_and_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(guard, "ROOT", tmp_path)
    (tmp_path / ".git").write_text("gitdir: nowhere\n")
    assert hold() == 0
    assert "Nothing to compare the CPU of a call with" in capsys.readouterr().out
    assert hold(json=True) == 0
    assert json.loads(capsys.readouterr().out)["good"] is True


def test_an_earlier_revision_that_does_not_come_up_is_none_to_compare_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def packed(commit: str, tree: Path) -> None:  # noqa: ARG001
        package = tree / "adapters" / "bench"
        package.mkdir(parents=True)
        (tree / "adapters" / "__init__.py").touch()
        (package / "targets.py").write_text("raise RuntimeError('too old')")

    monkeypatch.setattr(guard, "extract", packed)
    with pytest.raises(Incomparable, match="too old"):
        guard.compared(Base(commit="a" * 40, why="its parent"))
    tree = tmp_path / "tree"
    packed("", tree)
    with pytest.raises(BadSetup, match="too old"), side(tree, tmp_path / "side", "0"):
        pass


def test_a_commit_that_is_not_there_is_none_to_compare_with(tmp_path: Path) -> None:
    with pytest.raises(Incomparable, match="git has no files of 0000000000"):
        extract("0" * 40, tmp_path / "tree")
