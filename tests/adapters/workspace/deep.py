"""Folders within folders, deeper than a path can say and a recursion can go."""

from __future__ import annotations

import os
from pathlib import Path


def dig(top: Path, depth: int, *, name: str = "d", last: str = "treasure") -> None:
    """So many folders, each within the one before, and a file in the last."""
    at = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=at)
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(os.open(last, os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=at))
    os.close(at)
