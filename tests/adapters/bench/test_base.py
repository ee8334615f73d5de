"""A change is held against what main was, whatever the checkout knows of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from adapters.bench.base import NEEDED, base_of

NOON = 1_700_000_000
HOUR = 3600


class Repository:
    """A repository with commits of given times."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, at: int = NOON) -> str:
        date = f"{at} +0000"
        environment = os.environ | {"GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date}
        identity = ("-c", "user.name=x", "-c", "user.email=x@localhost")
        return subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.root,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def commit(self, at: int, *, bench: bool = True) -> str:
        file = self.root / NEEDED
        if bench:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            self.git("add", NEEDED)
        self.git("commit", "--allow-empty", "--quiet", "-m", "one more", at=at)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def chosen(repository: Repository) -> str | None:
    base = base_of(repository.root)
    return base.commit if base else None


def test_a_branch_is_held_against_where_it_left_main(repository: Repository) -> None:
    left = repository.commit(NOON)
    repository.git("checkout", "--quiet", "-b", "change")
    repository.commit(NOON + 60)
    repository.commit(NOON + 9 * HOUR)
    assert chosen(repository) == left


def test_main_elsewhere_comes_before_the_one_here(repository: Repository) -> None:
    repository.commit(NOON)
    elsewhere = repository.commit(NOON + 60)
    repository.git("update-ref", "refs/remotes/origin/main", elsewhere)
    repository.commit(NOON + 120)
    assert chosen(repository) == elsewhere


def test_main_itself_is_held_against_the_last_commit_of_three_hours_ago(
    repository: Repository,
) -> None:
    repository.commit(NOON)
    before = repository.commit(NOON + HOUR)
    repository.commit(NOON + 2 * HOUR)
    repository.commit(NOON + 4 * HOUR)
    head = repository.commit(NOON + 4 * HOUR + 60)
    repository.git("update-ref", "refs/remotes/origin/main", head)
    assert chosen(repository) == before


def test_where_all_is_young_it_is_the_parent(repository: Repository) -> None:
    repository.commit(NOON)
    parent = repository.commit(NOON + 60)
    repository.commit(NOON + 120)
    assert chosen(repository) == parent


def test_a_commit_without_the_bench_is_none(repository: Repository) -> None:
    repository.commit(NOON, bench=False)
    parent = repository.commit(NOON + 9 * HOUR)
    repository.commit(NOON + 9 * HOUR + 60)
    assert chosen(repository) == parent


def test_without_history_there_is_none(repository: Repository, tmp_path: Path) -> None:
    assert chosen(repository) is None
    repository.commit(NOON)
    assert chosen(repository) is None
    outside = tmp_path / "no" / "repository"
    outside.mkdir(parents=True)
    (outside / ".git").write_text("gitdir: nowhere\n")
    assert base_of(outside) is None
