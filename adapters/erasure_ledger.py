"""The ledger of erasures: a file of ids beside the database, where no restore reaches.

A backup that is older than an erasure holds the person still, key and all. So who is erased
stands here as well: one id on each line, and nothing else. It is on disk before the
database shreds anything; what it tells and the database does not know is done again before
anybody is served (`adapters/bootstrap/erasures.py`). A last line without its end is of a
write that was broken off: nobody was erased by it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from adapters.folders import names_to_disk
from domain.errors import BadSetup, Unavailable

NAME = "erasures.txt"


class FileErasures:
    """Plays `ErasureLedger`. Processes of one machine may share the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, user_ids: Iterable[UUID]) -> None:
        """The ids are in the file, which is there and on disk; `Unavailable`."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with os.fdopen(opened, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                whole = _whole_lines(file.read())
                known = set(read_ids(whole, self.path))
                new = [one for one in dict.fromkeys(user_ids) if one not in known]
                file.seek(len(whole))
                file.truncate()
                file.write(written(new))
                file.flush()
                os.fsync(file.fileno())
            names_to_disk(self.path.parent)
        except OSError as error:
            msg = f"the ledger of erasures cannot be written: {error.strerror}"
            raise Unavailable(msg) from error

    def ids(self) -> list[UUID] | None:
        """Who was erased, in that order; None without a ledger. `BadSetup` if damaged."""
        try:
            return read_ids(_whole_lines(self.path.read_bytes()), self.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            msg = f"the ledger of erasures cannot be read: {error.strerror}"
            raise Unavailable(msg) from error


def ids_in(path: Path) -> list[UUID]:
    """The ids of a ledger that must be there; `BadSetup`."""
    found = FileErasures(path).ids()
    if found is None:
        raise BadSetup(f"There is no {path}.")
    return found


def written(user_ids: Iterable[UUID]) -> bytes:
    """The ids as they stand in a ledger."""
    return "".join(f"{one}\n" for one in user_ids).encode()


def read_ids(lines: bytes, where: Path) -> list[UUID]:
    """The ids of a ledger; `BadSetup` names the line that holds none."""
    found = []
    for number, line in enumerate(lines.splitlines(), start=1):
        try:
            found.append(UUID(line.strip().decode("ascii")))
        except ValueError as error:
            msg = f"{where}, line {number}: this is no id of a person who was erased."
            raise BadSetup(msg) from error
    return found


def _whole_lines(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]
