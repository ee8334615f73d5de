"""Which earlier revision a change is held against, in a checkout of any kind.

The one that main had elsewhere, if this checkout knows it. CI clones the main it judges,
so there `origin/main` is that main itself: then the last commit from before this day's
work counts, so that many small steps are seen as the one they make; else the parent.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAINS = ("origin/main", "main")
EARLIER_HOURS = 3  # as long as a session works at most
NEEDED = "adapters/bench/targets.py"  # what a base must have to be measured


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """A commit, and why this one."""

    commit: str
    why: str


def base_of(root: Path) -> Base | None:
    """The first there is that has our bench; None without git, history or such a one."""
    head = _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if head is None:
        return None
    for base in _candidates(root, head):
        if (
            base.commit != head
            and _git(root, "cat-file", "-e", f"{base.commit}:{NEEDED}") is not None
        ):
            return base
    return None


def _candidates(root: Path, head: str) -> Iterator[Base]:
    """Commits to compare with, the best first."""
    for main in MAINS:
        commit = _git(root, "merge-base", head, main)
        if commit:
            yield Base(commit=commit, why=f"where it left {main}")
    when = _git(root, "show", "--no-patch", "--format=%ct", head)
    if when:
        until = int(when) - EARLIER_HOURS * 3600
        found = _git(root, "rev-list", "--max-count=1", f"--until={until}", head)
        if found:
            yield Base(commit=found, why=f"from {EARLIER_HOURS} hours before")
    parent = _git(root, "rev-parse", "--verify", "--quiet", f"{head}^1")
    if parent:
        yield Base(commit=parent, why="its parent")


def _git(root: Path, *arguments: str) -> str | None:
    """What git says; None if it refuses, or is not there."""
    try:
        done = subprocess.run(  # noqa: S603  # git, with commits that git named
            ["git", *arguments],  # noqa: S607  # as on PATH
            cwd=root,
            capture_output=True,
            check=False,
            text=True,
        )
    except OSError:
        return None
    return None if done.returncode else done.stdout.strip()
