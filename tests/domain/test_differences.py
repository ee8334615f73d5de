"""Differences between JSON documents, place by place."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.differences import Difference, differences

DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(st.text("a/~", max_size=2), inside)
    ),
    max_leaves=8,
)


def test_each_innermost_place_is_told_once() -> None:
    before: Any = {"a": 1, "b": {"c": [1, 2], "x/y~z": None}, "gone": True}
    after: Any = {"a": 1, "b": {"c": [1, 3, 4], "x/y~z": "new"}}
    assert list(differences(before, after)) == [
        Difference(path="/b/c/1", before=2, after=3),
        Difference(path="/b/c/2", before=None, after=4),
        Difference(path="/b/x~1y~0z", before=None, after="new"),
        Difference(path="/gone", before=True, after=None),
    ]


@given(DOCUMENTS)
def test_nothing_differs_from_itself(document: Any) -> None:
    assert list(differences(document, deepcopy(document))) == []


@given(DOCUMENTS, DOCUMENTS)
def test_what_differs_is_told(before: Any, after: Any) -> None:
    told = list(differences(before, after))
    assert all(one.before != one.after for one in told)
    if _without_nothing(before) != _without_nothing(after):
        assert told


def _without_nothing(document: Any) -> Any:
    """What is null, or holds nothing else, is as if it were not there."""
    if isinstance(document, dict):
        parts = {name: _without_nothing(one) for name, one in document.items()}
        return {name: one for name, one in parts.items() if one is not None} or None
    if isinstance(document, list):
        parts = {str(at): _without_nothing(one) for at, one in enumerate(document)}
        return {at: one for at, one in parts.items() if one is not None} or None
    return document
