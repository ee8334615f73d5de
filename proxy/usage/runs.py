"""Runs: events of a stream that differ in nothing but a text, weighed all at once.

A vendor that is fast sends many events in one piece, and most of them are the one before
with another word in it. Where that word is output and has no other effect (`Tally.runs`),
one such event is read, and those behind it tell nothing but their words: they are cut at
what all have in common, and what is left is counted. It comes to the same, to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from proxy.usage.reading import Tally

END = b"\n\n"  # of an event
LEAST = 2_048  # bytes that are worth the trouble
# All of an event that may be before a text: a data line, which its kind may stand before.
_BEFORE = re.compile(rb"(?:event:[^\n]*+\n)?data:[^\n]*+")
_ODD = re.compile(rb'["\\\x00-\x09\x0b-\x1f]')  # in what is joined by line ends

Feed = Callable[[bytes], None]


class Shape(NamedTuple):
    """What the events of a run have in common: all before the text, and all behind it."""

    before: bytes
    behind: bytes
    beside: int = 0  # bytes of output that each one has besides


def read_run(chunk: bytes, tally: Tally, feed: Feed) -> bytes:
    """Read the run that begins with the chunk, if there is one; what is left of the chunk.

    `feed` reads whole events one by one, and goes on behind them afresh.
    """
    first = chunk.find(END) + len(END)
    second = chunk.find(END, first) + len(END)
    one, other = chunk[:first], chunk[first:second]
    shape = _shared(one, other)
    if shape is None:
        return chunk
    feed(one)
    weighed = _weighing(shape, type(tally))
    return chunk[first:] if weighed is None else _read(chunk[first:], weighed, tally, feed)


def _read(chunk: bytes, shape: Shape, tally: Tally, feed: Feed) -> bytes:
    """Read the events of that shape, and those between that do no more than weigh; what is
    left of the chunk."""
    before, behind, _ = shape
    between, at_start, find = behind + before, chunk.startswith, chunk.find
    texts: list[bytes] = []
    at = 0  # where an event starts
    while at_start(before, at):
        start = at + len(before)
        end = find(b'"', start)
        while at_start(between, end):
            texts.append(chunk[start:end])
            start = end + len(between)
            end = find(b'"', start)
        at = start - len(before)
        if at_start(behind, end):
            texts.append(chunk[start:end])
            at = end + len(behind)
            continue
        upto = find(END, at) + len(END)
        if upto < len(END):
            break
        told = dict(vars(tally))
        feed(chunk[at:upto])
        at = upto
        if not _only_weighs(tally, told):
            break
    if not _is_plain(texts):
        # Such an event tells no more than the others, if it can be read.
        for text in texts:
            if not _is_plain([text]):
                feed(before + text + behind)
        texts = [text for text in texts if _is_plain([text])]
    tally.output_bytes += sum(map(len, texts)) + shape.beside * len(texts)
    return chunk[at:]


def _shared(one: bytes, other: bytes) -> Shape | None:
    """What two events have in common that differ in one text of their JSON only."""
    same = _alike(one, other)
    start = one.rfind(b'"', 0, same) + 1
    before = one[:start]
    if not _BEFORE.fullmatch(before):
        return None
    behind = one[one.find(b'"', start) :]
    if behind.count(b"\n") != len(END) or behind != other[other.find(b'"', start) :]:
        return None
    return Shape(before, behind)


def _alike(one: bytes, other: bytes) -> int:
    """How many bytes they begin with are the same."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _weighing(shape: Shape, kind: type[Tally]) -> Shape | None:
    """The shape, if its text is output and counted as it stands; else None.

    What is tried is no JSON at all unless the text stands in a string.
    """
    weights = []
    for text in (b"x", b"xxx"):
        tally, line = kind(), shape.before.rpartition(b"\n")[2]
        if not tally.event((line + text + shape.behind).partition(b"\n")[0][5:]):
            return None
        weights.append(tally.output_bytes - len(text))
    short, long = weights
    return shape._replace(beside=short) if short == long else None


def _only_weighs(tally: Tally, told: dict[str, object]) -> bool:
    """Whether the tally says what it said before, but for the bytes of output."""
    return {**told, "output_bytes": tally.output_bytes} == vars(tally)


def _is_plain(texts: list[bytes]) -> bool:
    """Whether each of the texts stands in JSON as it is, and is not empty."""
    joined = b"\n".join(texts)
    if _ODD.search(joined) or joined.count(b"\n") >= len(texts) or not all(texts):
        return False
    if joined.isascii():
        return True
    try:
        joined.decode()
    except UnicodeDecodeError:
        return False
    return True
