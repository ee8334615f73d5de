"""Upstream paths: reading what a stranger wrote, matching it, joining it.

Everything works on segments that were percent-decoded once and then hold only plain
characters, so that what is judged and what is sent are the same text. Case is ignored in
every comparison (some vendors ignore it too) and kept in what is sent.
No regular expressions: a pattern is matched in one pass over the path.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

Segments = tuple[str, ...]

PLAIN = frozenset(string.ascii_letters + string.digits + "-._~:+,=")


def plain_segments(tail: str) -> Segments | None:
    """The decoded segments of a raw tail, or None if it is not a plain relative path.

    Not plain: an empty or dot segment, a scheme, an encoded dot, and any character but
    letters, digits and `-._~:+,=`, encoded or not (so no second layer of encoding either).
    """
    if "%2e" in tail.lower():
        return None
    segments = tuple(unquote(segment) for segment in tail.split("/"))
    if ":" in segments[0] or not all(_plain(segment) for segment in segments):
        return None
    return segments


def _plain(segment: str) -> bool:
    dots = segment == "." or ".." in segment
    return bool(segment) and not dots and PLAIN.issuperset(segment)


def split(path: str) -> Segments:
    """The segments of a path that we trust; none for `/` and for nothing."""
    return tuple(segment for segment in path.split("/") if segment)


def lowered(segments: Segments) -> Segments:
    return tuple(segment.lower() for segment in segments)


def overlap(base: Segments, tail: Segments) -> int:
    """How many segments end the base and begin the tail: the most there are."""
    base, tail = lowered(base), lowered(tail)
    for size in range(min(len(base), len(tail)), 0, -1):
        if base[-size:] == tail[:size]:
            return size
    return 0


def ends_with(path: Segments, end: Segments) -> bool:
    return len(end) <= len(path) and lowered(path[len(path) - len(end) :]) == lowered(end)


@dataclass(frozen=True)
class PathPattern:
    """`models/*:generateContent`: a star is one segment, or its rest before an end.

    `**` as the last segment is any number of segments, none too.
    Raises `ValueError` for a text that says anything else.
    """

    text: str
    size: int = field(init=False)  # segments, `**` not counted
    _parts: tuple[tuple[str, str | None], ...] = field(init=False, repr=False)
    _open: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        segments = self.text.lower().split("/")
        is_open = segments[-1] == "**"
        parts = tuple(_part(segment) for segment in segments[: len(segments) - is_open])
        object.__setattr__(self, "size", len(parts))
        object.__setattr__(self, "_parts", parts)
        object.__setattr__(self, "_open", is_open)

    def fits(self, path: Segments) -> bool:
        """Whether the pattern describes the path, which is lower case."""
        if len(path) != self.size and not (self._open and len(path) > self.size):
            return False
        for (head, end), segment in zip(self._parts, path, strict=False):
            if end is None:
                if segment != head:
                    return False
            elif len(segment) <= len(end) or not segment.endswith(end):
                return False
        return True

    def starred(self, path: Segments) -> str | None:
        """What the first star stands for in a path that fits."""
        for (_, end), segment in zip(self._parts, path, strict=False):
            if end is not None:
                return segment[: len(segment) - len(end)]
        return None


def _part(segment: str) -> tuple[str, str | None]:
    """The literal, or what follows the star."""
    star, end = segment[:1] == "*", segment.removeprefix("*")
    if not (end or star) or not PLAIN.issuperset(end):
        msg = "a pattern is plain segments, `*`, `*` with an end, and a last `**`"
        raise ValueError(msg)
    return ("", end) if star else (segment, None)


class ClosedPaths:
    """Patterns that close a path wherever in it they begin. Each begins with a literal."""

    def __init__(self, patterns: Iterable[PathPattern]) -> None:
        self._by_head: dict[str, list[PathPattern]] = {}
        for pattern in patterns:
            head = pattern.text.lower().split("/")[0]
            if "*" in head:
                msg = "the first segment of a closed path is a literal"
                raise ValueError(msg)
            self._by_head.setdefault(head, []).append(pattern)

    def close(self, path: Sequence[str], *, behind: int = 0) -> bool:
        """Whether the path, which is lower case, is one of them.

        One that lies whole within the first `behind` segments does not count.
        """
        return any(
            place + pattern.size > behind and pattern.fits(tuple(path[place:]))
            for place, head in enumerate(path)
            for pattern in self._by_head.get(head, ())
        )
