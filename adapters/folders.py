"""Keeps what happened in a folder: names are lost in a power cut until they are on disk."""

from __future__ import annotations

import os
from pathlib import Path


def names_to_disk(folder: Path) -> None:
    """The names of the files in the folder are on disk; `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
