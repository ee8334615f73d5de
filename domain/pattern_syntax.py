"""How the text of a linear pattern is read: into a tree, and what each position reads.

Repetitions are written out, so that a pattern's size is the number of its positions.
"""

from __future__ import annotations

from collections.abc import Callable

from domain.pattern_tree import (
    Assertion,
    Choice,
    Node,
    Optional,
    Position,
    Repeated,
    Sequence,
)

LONGEST_PATTERN = 200  # characters
MOST_POSITIONS = 128
DEEPEST = 20  # groups in groups
MOST_REPEATS = 64
MOST_PARTS = 1000

Reads = Callable[[str], bool]  # of a character in lower case
Make = Callable[[], Node]  # a part anew, with positions of its own

_ASSERTIONS: dict[str, Assertion] = {
    "^": Assertion("start"),
    "$": Assertion("end"),
    "\\b": Assertion("boundary"),
    "\\B": Assertion("no-boundary"),
}
_BLANKS = {"n": "\n", "r": "\r", "t": "\t"}


def is_word(character: str) -> bool:
    """Whether it is a letter, a digit or an underscore."""
    return character == "_" or character.isalnum()


_CLASSES: dict[str, Reads] = {
    "d": str.isdecimal,
    "w": is_word,
    "s": str.isspace,
    "D": lambda character: not character.isdecimal(),
    "W": lambda character: not is_word(character),
    "S": lambda character: not character.isspace(),
}


def parse(text: str) -> tuple[Node, tuple[Reads, ...]]:
    """The tree, and what its positions read; `ValueError` says where it is no pattern."""
    if len(text) > LONGEST_PATTERN:
        raise ValueError(f"longer than {LONGEST_PATTERN} characters")
    reader = _Reader(text)
    make = reader.choice(depth=0)
    if reader.at < len(text):
        raise reader.wrong("a ) without its (")
    return make(), tuple(reader.reads)


class _Reader:
    """Reads from left to right; what it answers makes its part as often as it is needed."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.reads: list[Reads] = []
        self.parts = 0  # that repetitions wrote out

    def wrong(self, what: str) -> ValueError:
        return ValueError(f"{what}, at character {self.at + 1}")

    def choice(self, depth: int) -> Make:
        """Everything up to the end, or up to the parenthesis that closes the group."""
        if depth > DEEPEST:
            raise self.wrong("too many groups in groups")
        options = [self._sequence(depth)]
        while self._took("|"):
            options.append(self._sequence(depth))
        if len(options) == 1:
            return options[0]
        return lambda: Choice(tuple(make() for make in options))

    def _sequence(self, depth: int) -> Make:
        parts: list[Make] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            parts.append(self._repeated(depth))
        return lambda: Sequence(tuple(make() for make in parts))

    def _repeated(self, depth: int) -> Make:
        make, begins = self._atom(depth), self.at
        least, most = self._times()
        if self.at > begins:
            self._took("?")  # as little as possible: found is found
            if self.at < len(self.text) and self.text[self.at] in "*+?{":
                raise self.wrong("a repetition of a repetition")
        return make if (least, most) == (1, 1) else self._written_out(make, least, most)

    def _times(self) -> tuple[int, int | None]:
        for sign, times in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._took(sign):
                return times
        if not self._took("{"):
            return 1, 1
        least, comma, most = self._upto("}").partition(",")
        if not least.isdecimal() or (most and not most.isdecimal()):
            raise self.wrong("no number of repetitions")
        low = int(least)
        high = low if not comma else int(most) if most else None
        if max(low, high or 0) > MOST_REPEATS or (high is not None and high < low):
            raise self.wrong(f"repeated more than {MOST_REPEATS} times, or fewer than none")
        return low, high

    def _atom(self, depth: int) -> Make:
        sign = self.text[self.at]
        self.at += 1
        if sign == "(":
            return self._group(depth)
        if sign == "[":
            return self._reading(self._members())
        if sign == "\\":
            return self._escaped()
        if sign in "*+?{":
            raise self.wrong("nothing to repeat")
        if sign in _ASSERTIONS:
            assertion = _ASSERTIONS[sign]
            return lambda: assertion
        if sign == ".":
            return self._reading(lambda character: character != "\n")
        return self._reading(sign.lower().__eq__)

    def _group(self, depth: int) -> Make:
        if self._took("?") and not self._took(":"):
            raise self.wrong("only (?: may begin a special group")
        make = self.choice(depth + 1)
        if not self._took(")"):
            raise self.wrong("a ( without its )")
        return make

    def _escaped(self) -> Make:
        sign = self._next()
        assertion = _ASSERTIONS.get(f"\\{sign}")
        if assertion is not None:
            return lambda: assertion
        return self._reading(self._class(sign))

    def _class(self, sign: str) -> Reads:
        if sign in _CLASSES:
            return _CLASSES[sign]
        if sign in _BLANKS:
            return _BLANKS[sign].__eq__
        if is_word(sign):
            raise self.wrong(f"\\{sign} means nothing here")
        return sign.__eq__

    def _members(self) -> Reads:
        """Of a class in brackets, whose first one is open already."""
        negated, members = self._took("^"), list[Reads]()
        while not members or not self._took("]"):
            members.append(self._member())
        if negated:
            return lambda character: not any(reads(character) for reads in members)
        return lambda character: any(reads(character) for reads in members)

    def _member(self) -> Reads:
        sign = self._next()
        if sign == "\\":
            sign = self._next()
            if sign in _CLASSES or sign in _BLANKS or is_word(sign):
                return self._class(sign)
        if self.text[self.at : self.at + 1] != "-" or self.text[self.at + 1 :][:1] == "]":
            return sign.lower().__eq__
        self.at += 1
        last = self._next()
        if last == "\\" or last < sign:
            raise self.wrong("no range of characters")
        return lambda character: any(sign <= c <= last for c in _cases(character))

    def _written_out(self, make: Make, least: int, most: int | None) -> Make:
        def once_more() -> Node:
            self.parts += 1
            if self.parts > MOST_PARTS:
                raise ValueError("too many repetitions of repetitions")
            return make()

        def all_of_them() -> Node:
            parts: list[Node] = [once_more() for _ in range(least)]
            if most is not None:
                parts += [Optional(once_more()) for _ in range(most - least)]
            elif least:
                parts[-1] = Repeated(parts[-1])
            else:
                parts.append(Optional(Repeated(once_more())))
            return Sequence(tuple(parts))

        return all_of_them

    def _reading(self, reads: Reads) -> Make:
        def make() -> Node:
            if len(self.reads) >= MOST_POSITIONS:
                raise ValueError(f"it could read more than {MOST_POSITIONS} characters")
            self.reads.append(reads)
            return Position(len(self.reads) - 1)

        return make

    def _took(self, sign: str) -> bool:
        if self.text[self.at : self.at + 1] != sign:
            return False
        self.at += 1
        return True

    def _next(self) -> str:
        if self.at >= len(self.text):
            raise self.wrong("it ends too early")
        self.at += 1
        return self.text[self.at - 1]

    def _upto(self, sign: str) -> str:
        end = self.text.find(sign, self.at)
        if end < 0:
            raise self.wrong(f"a {sign} is missing")
        found, self.at = self.text[self.at : end], end + 1
        return found


def _cases(character: str) -> tuple[str, ...]:
    upper = character.upper()
    return (character, upper) if len(upper) == 1 else (character,)
