"""The file of a month: one CloudEvent a line, as in an export, in the order of the log.

Each line holds the event as it is stored, its header and its leaf's hash. The root over
those hashes is what the log was told when the month was taken out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from adapters.folders import names_to_disk
from domain.errors import BadSetup, Conflict
from domain.sealing.merkle import EMPTY_ROOT, leaf_hash, node_hash

_DATA = b',"data":'
ODD = (ValueError, LookupError, TypeError, AttributeError)  # what lines of others raise


class NotThatMonth(Conflict):
    """The file is not what was taken out of the log."""

    code = "not-that-month"


class Roots:
    """The root over hashes that come one by one (RFC 6962), and how many came."""

    def __init__(self) -> None:
        self.count = 0
        self._full: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """One more leaf behind the others."""
        self.count += 1
        rest = self.count
        while not rest & 1:
            leaf, rest = node_hash(self._full.pop(), leaf), rest >> 1
        self._full.append(leaf)

    @property
    def root(self) -> str:
        """In hex digits."""
        found = self._full[-1] if self._full else EMPTY_ROOT
        for left in reversed(self._full[:-1]):
            found = node_hash(left, found)
        return found.hex()


@dataclass(frozen=True, kw_only=True)
class Row:
    """An event as its table has it."""

    position: int
    stream_id: UUID
    version: int
    topic: str
    state: bytes


@dataclass(frozen=True, kw_only=True)
class MonthFile:
    """What a file holds, once each of its events was compared with its header."""

    events: int
    root: str
    sha256: str


def write(out: Path, lines: Iterable[bytes]) -> None:
    """The lines are in the file, on disk; `BadSetup` if they cannot be."""
    if out.exists():
        raise BadSetup(f"{out} is there already: choose another place with --out.")
    half = out.with_name(f".{out.name}.half")
    try:
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(descriptor)
        half.rename(out)
        names_to_disk(out.absolute().parent)
    except OSError as error:
        raise BadSetup(f"{out} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            half.unlink(missing_ok=True)


def look(path: Path) -> MonthFile:
    """What the file holds; `NotThatMonth` if an event is not the one that was sealed."""
    roots, whole = Roots(), sha256()
    for line, entry in _entries(path):
        whole.update(line)
        try:
            roots.add(leaf_hash(_header(line, entry)))
        except ODD as error:
            raise NotThatMonth from error
    return MonthFile(events=roots.count, root=roots.root, sha256=whole.hexdigest())


def rows(path: Path) -> Iterator[Row]:
    """Its events, as they are to be stored again."""
    for line, entry in _entries(path):
        yield _row(line, entry)


def _entries(path: Path) -> Iterator[tuple[bytes, Any]]:
    try:
        with path.open("rb") as file:
            for line in file:
                yield line, orjson.loads(line)
    except OSError as error:
        raise BadSetup(f"{path} cannot be read: {error.strerror}.") from error
    except ODD as error:
        raise NotThatMonth from error


def _header(line: bytes, entry: Any) -> bytes:
    """What was sealed; `NotThatMonth` if it is not of this event."""
    header: bytes = entry["leafheader"].encode()
    said, row = orjson.loads(header), _row(line, entry)
    found = (said["position"], said["stream"], said["version"], said["topic"])
    if found != (row.position, str(row.stream_id), row.version, row.topic):
        raise NotThatMonth
    if sha256(row.state).hexdigest() != said["state"]:
        raise NotThatMonth
    return header


def _row(line: bytes, entry: Any) -> Row:
    """`data` is the last member of its line, where it stands byte for byte."""
    return Row(
        position=int(entry["id"].rpartition("/")[2]),
        stream_id=UUID(entry["subject"]),
        version=int(entry["streamversion"]),
        topic=entry["type"],
        state=line[line.index(_DATA) + len(_DATA) : line.rindex(b"}")],
    )
