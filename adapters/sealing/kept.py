"""The last checkpoint that a signer or a witness put its name to, in a folder of its own.

It is on disk before the signature leaves the process, so that no crash makes it sign two
trees of one size. One process at a time may hold the folder.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.folders import names_to_disk
from domain.errors import BadSetup
from domain.sealing.checkpoints import Checkpoint
from domain.sealing.notes import SignedNote

FILE = "checkpoint"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """The folder exists and is ours alone; `BadSetup` if another process holds it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        msg = f"The folder {folder} cannot be used: {error.strerror}."
        raise BadSetup(msg) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        msg = f"Another process signs out of {folder}: stop it first."
        raise BadSetup(msg) from error
    finally:
        os.close(lock)


class KeptCheckpoint:
    """The last one; `note` and `checkpoint` are None before the first."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self.note: str | None = None
        self.checkpoint: Checkpoint | None = None
        if self._path.exists():
            # Ours, from an atomic rename: odd bytes in it are for a person to look at.
            self._take(self._path.read_text(encoding="utf-8"))

    def save(self, note: str) -> None:
        """The note is on disk, and is the last one from now on."""
        fresh = self._path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        names_to_disk(self._path.parent)
        self._take(note)

    def _take(self, note: str) -> None:
        self.note = note
        self.checkpoint = Checkpoint.parse(SignedNote.parse(note).text)
