"""Globs over the paths that a narrowed token may be used for."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.token_paths import matches, reaches


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("chat/completions", "chat/completions"),
        ("/chat/completions", "chat/completions"),
        ("chat/*", "chat/completions"),
        ("**", "v1/messages/count"),
        ("v1/**", "v1/messages/count"),
        ("chat/*", "v1/chat/completions"),
        ("models/*", "v1beta/models/x"),
        ("models/*:generateContent", "models/gemini-3:generateContent"),
    ],
)
def test_a_glob_reaches_what_it_names(glob: str, path: str) -> None:
    assert reaches((glob,), path)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("chat/completions", "chat/completions/x"),
        ("chat/*", "chat/a/b"),
        ("*", "a/b"),
        ("v1", "v1/messages"),
        ("chat/*", "vault/chat/x"),
        ("**", "chat/../admin"),
        ("**", "chat%2fcompletions"),
    ],
)
def test_a_glob_does_not_reach_further(glob: str, path: str) -> None:
    assert not reaches((glob,), path)


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_without_slashes_it_is_the_usual_glob(glob: str, path: str) -> None:
    assert matches(glob, path) == fnmatchcase(path, glob)


def test_no_glob_takes_long() -> None:
    assert not matches("*a" * 100, "a" * 50 + "b" * 2000)
