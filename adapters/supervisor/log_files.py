"""A log file that never grows past a size: the older part is put aside, the oldest goes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

SIZE = 10 * 1024 * 1024  # bytes
KEPT = 3


class Output(Protocol):
    """Where what a child writes goes."""

    def write(self, lines: bytes, /) -> object: ...


class LogFile:
    """Appends to `path`, for the owner's eyes only; `path.1` to `path.3` are older."""

    def __init__(self, path: Path, *, size: int = SIZE, kept: int = KEPT) -> None:
        self._path, self._limit, self._kept = path, size, kept
        self._open()

    def write(self, lines: bytes, /) -> None:
        """The bytes are in the file; a new one is begun only after a whole line."""
        written = 0
        while written < len(lines):
            written += os.write(self._file, lines[written:])
        self._size += len(lines)
        if self._size >= self._limit and lines.endswith(b"\n"):
            self._begin_anew()

    def close(self) -> None:
        os.close(self._file)

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o600)
        self._size = os.fstat(self._file).st_size

    def _begin_anew(self) -> None:
        """A new file is written to; on an error (a full disk) still the old one."""
        if self._path.exists():  # else it was put aside, and no new one could be made
            self._put_aside()
        old = self._file
        self._open()
        os.close(old)

    def _put_aside(self) -> None:
        for number in range(self._kept - 1, 0, -1):
            older = self._aged(number)
            if older.exists():
                older.replace(self._aged(number + 1))
        self._path.replace(self._aged(1))

    def _aged(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
