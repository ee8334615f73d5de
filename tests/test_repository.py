"""The repository itself: what is locked, what is tracked, and how long a file may be."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ["requirements.lock", "requirements-dev.lock"]
PINNED = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>[^ ]+)(?P<marker> ; [^\\]+)?"
    r"(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n"
)
# Put together here, because this file is looked through as well.
REGISTRIES = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("python" + "hosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("npmjs", "net"),
        ("deb", "debian", "org"),
        ("crates", "io"),
    ]
]
MACHINE = [f"/{top}/{below}" for top, below in [("work", "main"), ("root", ".pyenv")]]
VENDORED = "tests/compose_spec/"


def tracked() -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [name for name in listing.stdout.split("\0") if (ROOT / name).is_file()]


def pins(lock: str) -> dict[str, str]:
    """What a lock pins: name and version."""
    return {
        pin["name"]: pin["version"] for pin in PINNED.finditer((ROOT / lock).read_text())
    }


def wanted(*groups: str) -> list[Requirement]:
    """What pyproject.toml asks for: run time, embedded, and the groups named."""
    project, optional = PROJECT["project"], PROJECT["project"]["optional-dependencies"]
    in_groups = [item for group in groups for item in PROJECT["dependency-groups"][group]]
    return [
        Requirement(line)
        for line in project["dependencies"] + optional["embedded"] + in_groups
    ]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_is_pins_with_hashes_and_nothing_else(lock: str) -> None:
    assert PINNED.sub("", (ROOT / lock).read_text()) == ""


@pytest.mark.parametrize(
    ("lock", "groups"),
    [
        ("requirements.lock", ["build"]),
        ("requirements-dev.lock", ["build", "test", "lint"]),
    ],
)
def test_a_lock_holds_what_the_project_asks_for(lock: str, groups: list[str]) -> None:
    locked = pins(lock)
    unmet = [
        str(requirement)
        for requirement in wanted(*groups)
        if not requirement.specifier.contains(locked.get(requirement.name, "0"))
    ]
    assert unmet == []


def test_both_locks_agree() -> None:
    runtime, everything = (pins(lock) for lock in LOCKS)
    assert runtime.items() <= everything.items()
    assert all(Version(version) for version in everything.values())


def test_no_tracked_file_names_a_registry_or_this_machine() -> None:
    found = [
        (name, text)
        for name in tracked()
        for text in [*REGISTRIES, *MACHINE]
        if text.encode() in (ROOT / name).read_bytes()
    ]
    assert found == []


def test_nothing_is_tracked_that_belongs_to_one_machine() -> None:
    assert [name for name in tracked() if name.endswith(("uv.lock", ".env", ".key"))] == []


ONE_FILE = "verifier/verify_log.py"  # what an auditor reads imports nothing of ours


def test_no_file_of_ours_is_longer_than_300_lines() -> None:
    lengths = {
        name: len((ROOT / name).read_text().splitlines())
        for name in tracked()
        if name.endswith(".py") and not name.startswith(VENDORED)
    }
    assert lengths.pop(ONE_FILE) < 450
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_every_target_of_make_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    listed = subprocess.run(
        ["make"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    explained = re.findall(r"^make (\w+)", listed, re.MULTILINE)
    assert sorted(explained) == sorted({*phony[1].split()} - {"services"})
