"""Files below a folder that a hostile program may write to at the same time.

Every step goes through the descriptor of the folder before it and follows no link, so that
no path can lead elsewhere, whatever the program puts there meanwhile. A file is looked at
before it is opened, and again when it is open: what is no regular file is not read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PERMISSIONS = 0o7777

Owner = tuple[int, int]  # uid and gid


@contextmanager
def folder(
    name: str, *, within: int | None, mode: int, owner: Owner | None = None
) -> Iterator[int]:
    """The folder's descriptor; it is made if it is missing, and its mode and owner set.

    `within` must be a folder that no hostile program can write to; None for a whole path.
    """
    with suppress(FileExistsError):
        os.mkdir(name, mode, dir_fd=within)
    seen = os.stat(name, dir_fd=within, follow_symlinks=within is None)
    if not stat.S_ISDIR(seen.st_mode):
        raise NotADirectoryError(name)
    if within is not None and seen.st_mode & _PERMISSIONS != mode:
        os.chmod(name, mode, dir_fd=within)
    flags = FOLDER if within is not None else FOLDER & ~os.O_NOFOLLOW
    opened = os.open(name, flags, dir_fd=within)
    try:
        if owner is not None and (seen.st_uid, seen.st_gid) != owner:
            os.fchown(opened, *owner)
        yield opened
    finally:
        os.close(opened)


@contextmanager
def existing(name: str, *, within: int) -> Iterator[int]:
    """The descriptor of a folder that is there."""
    opened = os.open(name, FOLDER, dir_fd=within)
    try:
        yield opened
    finally:
        os.close(opened)


def read_file(
    name: str, *, within: int, at_most: int
) -> tuple[bytes, os.stat_result] | None:
    """A regular file of at most that size, and what it is; None for anything else."""
    try:
        if not _plain(os.stat(name, dir_fd=within, follow_symlinks=False), at_most):
            return None
        opened = os.open(name, _READ, dir_fd=within)
    except OSError:  # gone, changed meanwhile, or not for us to read: nothing of ours
        return None
    with os.fdopen(opened, "rb") as file:
        seen = os.fstat(file.fileno())
        if not _plain(seen, at_most):
            return None
        content = file.read(at_most + 1)
    return (content, seen) if len(content) <= at_most else None


def _plain(seen: os.stat_result, at_most: int) -> bool:
    return stat.S_ISREG(seen.st_mode) and seen.st_nlink == 1 and seen.st_size <= at_most


def write_file(
    name: str, content: bytes, *, within: int, mode: int, owner: Owner | None
) -> None:
    """A new file with that content is there, and on the disk."""
    opened = os.open(name, _WRITE, 0o600, dir_fd=within)
    with os.fdopen(opened, "wb") as file:
        file.write(content)
        file.flush()
        if owner is not None:
            os.fchown(opened, *owner)
        os.fchmod(opened, mode)
        os.fsync(opened)


def names_in(folder_fd: int) -> list[str]:
    """What the folder holds."""
    return sorted(os.listdir(folder_fd))


def is_folder(name: str, *, within: int) -> bool:
    """Whether a folder stands there; a link to one is none."""
    try:
        seen = os.stat(name, dir_fd=within, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(seen.st_mode)


def is_there(name: str, *, within: int) -> bool:
    """Whether anything stands there."""
    try:
        os.stat(name, dir_fd=within, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
