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
SEAM = 12  # bytes before a text: few are found fast, and enough to be nowhere else
# All of an event that may be before a text: a data line, which its kind may stand before.
_BEFORE = re.compile(rb"(?:event:[^\n]*+\n)?data:[^\n]*+")
_ODD = bytes({*range(0x20), *b'"\\'} - {*b"\n"})  # in what is joined by line ends

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
    weighed_before = tally.output_bytes
    feed(one)
    text_bytes = len(one) - len(shape.before) - len(shape.behind)
    beside = tally.output_bytes - weighed_before - text_bytes
    shape = shape._replace(beside=beside)
    if not _is_weighing(shape, type(tally), b"x" * (text_bytes + 2)):
        return chunk[first:]
    return _read(chunk[first:], shape, tally, feed)


def _read(chunk: bytes, shape: Shape, tally: Tally, feed: Feed) -> bytes:
    """Read the events of that shape, and those between that do no more than weigh; what is
    left of the chunk."""
    before, behind, _ = shape
    between, at_start, find = behind + before, chunk.startswith, chunk.find
    texts, at = _at_once(chunk, shape)  # `at`: where an event starts
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
        _weigh(texts, shape, tally, feed)
        texts = []
        told = dict(vars(tally))
        feed(chunk[at:upto])
        at = upto
        if not _only_weighs(tally, told):
            break
    _weigh(texts, shape, tally, feed)
    return chunk[at:]


def _weigh(texts: list[bytes], shape: Shape, tally: Tally, feed: Feed) -> None:
    """Add what the events with these texts weigh."""
    size = _plain_size(texts)
    if size is None:
        # Such an event tells no more than the others, if it can be read.
        for text in texts:
            if _plain_size([text]) is None:
                feed(shape.before + text + shape.behind)
        texts = [text for text in texts if _plain_size([text]) is not None]
        size = sum(map(len, texts))
    tally.output_bytes += size + shape.beside * len(texts)


def _at_once(chunk: bytes, shape: Shape) -> tuple[list[bytes], int]:
    """The texts of the events that the chunk begins with, and where the last one ends, if
    they are found at once: no other event may stand between them."""
    before, behind, _ = shape
    # Cut at little, and blindly: what was cut off is compared then.
    between, seam = behind + before, before[-SEAM:]
    rest = between[: -len(seam)]
    pieces = chunk.split(seam)
    last = pieces.pop()
    while pieces and not pieces[-1].endswith(rest):
        last = pieces.pop()
    texts = [piece[: -len(rest)] for piece in pieces[1:]]
    end = last.find(b'"')
    if last.startswith(behind, end):
        texts.append(last[:end])
    middle, start = between.join(texts), len(before)
    at = start + len(middle)
    alike = chunk.startswith(middle, start) and chunk.startswith(behind, at)
    if not (texts and alike) or b'"' in b"".join(texts):
        return [], 0
    return texts, at + len(behind)


def _shared(one: bytes, other: bytes) -> Shape | None:
    """What two events have in common that differ in one text of their JSON only."""
    if one.count(b'"') != other.count(b'"'):
        return None
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
    size = min(len(one), len(other))
    number = int.from_bytes
    differing = number(one[:size], "big") ^ number(other[:size], "big")
    return size - (differing.bit_length() + 7) // 8


def _is_weighing(shape: Shape, kind: type[Tally], text: bytes) -> bool:
    """Whether another text than was read is output too, and counted as it stands.

    What is tried is no JSON at all unless the text stands in a string.
    """
    tally, line = kind(), shape.before.rpartition(b"\n")[2]
    event = (line + text + shape.behind).partition(b"\n")[0]
    return tally.event(event[5:]) and tally.output_bytes == len(text) + shape.beside


def _only_weighs(tally: Tally, told: dict[str, object]) -> bool:
    """Whether the tally says what it said before, but for the bytes of output."""
    return {**told, "output_bytes": tally.output_bytes} == vars(tally)


def _plain_size(texts: list[bytes]) -> int | None:
    """How many bytes the texts have; None unless each stands in JSON as it is, and has
    some."""
    joined = b"\n".join(texts)
    if len(joined.translate(None, _ODD)) < len(joined):
        return None
    if joined.count(b"\n") >= len(texts) or b"" in texts:
        return None
    if not joined.isascii():
        try:
            joined.decode()
        except UnicodeDecodeError:
            return None
    return len(joined) - len(texts) + 1
