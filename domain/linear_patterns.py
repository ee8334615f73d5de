r"""Patterns that take time in proportion to the text, whatever the pattern and the text.

The usual notation of regular expressions, without what makes others slow or what no rule
needs: literals, `.`, `[a-z]`, `[^0-9]`, `\d \w \s \D \W \S`, `\b \B ^ $`, groups, `|`,
`* + ? {m} {m,} {m,n}`. No look-around, no references, no flags. Case does not matter.

A pattern is turned into its positions: one bit for each character that it can read
(Glushkov). Where the search stands is one whole number, a step of it is a few operations
on bits, and steps that were made before are remembered.
"""

from __future__ import annotations

from functools import lru_cache

from domain.errors import Invalid
from domain.pattern_syntax import is_word, parse
from domain.pattern_tree import Gap, Node, shape_at

LONGEST_TEXT = 4096  # characters that are looked at
REMEMBERED = 4096  # steps


class NotAPattern(Invalid):
    """The text is no pattern of the kind that rules may have; the detail says why."""


class LinearPattern:
    """A compiled pattern."""

    def __init__(self, text: str) -> None:
        try:
            tree, reads = parse(text)
        except ValueError as error:
            raise NotAPattern(str(error)) from error
        self.text = text
        self.size = len(reads)
        self._reads = reads
        self._edges = {gap: _Edges(tree, gap, len(reads)) for gap in Gap.all()}
        self._readers: dict[str, int] = {}
        self._steps: dict[tuple[int, bool, str], int] = {}

    def found_in(self, text: str) -> bool:
        """Whether the pattern fits somewhere in the first `LONGEST_TEXT` characters."""
        text = text[:LONGEST_TEXT].lower()
        edges, steps, state, before = self._edges, self._steps, 0, False
        for at, character in enumerate(text):
            key = (state, before, character)
            following = steps.get(key) if at else None
            if following is None:
                word = is_word(character)
                gap = Gap(start=at == 0, end=False, boundary=word is not before)
                if edges[gap].accepts(state):
                    return True
                following = edges[gap].after(state) & self._reading(character)
                if at:
                    if len(steps) >= REMEMBERED:
                        steps.clear()
                    steps[key] = following
                before = word
            else:
                before = is_word(character)
            state = following
        return edges[Gap(start=not text, end=True, boundary=before)].accepts(state)

    def _reading(self, character: str) -> int:
        """The positions that read this character."""
        found = self._readers.get(character)
        if found is None:
            if len(self._readers) >= REMEMBERED:
                self._readers.clear()
            found = sum(1 << n for n, read in enumerate(self._reads) if read(character))
            self._readers[character] = found
        return found


class _Edges:
    """Where a search can go on across one kind of gap between two characters."""

    def __init__(self, tree: Node, gap: Gap, size: int) -> None:
        follow = [0] * size
        shape = shape_at(tree, gap, follow)
        self._first, self._last, self._empty = shape.first, shape.last, shape.empty
        self._follow = follow

    def accepts(self, state: int) -> bool:
        return self._empty or bool(state & self._last)

    def after(self, state: int) -> int:
        """All positions that may read next; a match may also begin here."""
        reached = self._first
        while state:
            lowest = state & -state
            reached |= self._follow[lowest.bit_length() - 1]
            state ^= lowest
        return reached


@lru_cache(maxsize=1024)
def compiled(text: str) -> LinearPattern:
    """The pattern, compiled once; `NotAPattern` says what is wrong with it."""
    return LinearPattern(text)
