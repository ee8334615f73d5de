"""What bots keep: their workspaces and their state, each bot a tar within the backup.

A bot is taken for hostile, and may be at work: every file is opened below its folder's
descriptor and no link is followed, neither when it is read nor when it is brought back.
Links are kept as links; sockets, pipes and devices are left out, and so is what would keep
all others from being kept or brought back: folders within 200 folders, paths longer than
3,000 bytes, files of more than 64 MiB that are nearly all hole. A file that changes while
it is read is kept as it was read: stop the bots for a copy of one moment.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from uuid import UUID

from adapters.backup.archive import CHUNK, Reader, Writer
from adapters.workspace.looking import WRITTEN, ids_in
from adapters.workspace.store import container_user
from adapters.workspace.trees import folders_below
from domain.errors import BadSetup

FOLDER = "bots/"
STAGING = ".restoring"
KEPT = ("workspace", "state")
OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
LONGEST = 3_000  # bytes of a path; where it is brought back more stands before it
BLOCK = 512  # bytes of an `st_blocks`
LARGEST_HOLLOW, MOST_HOLLOW = 64 * 1024 * 1024, 16
OF_BOT, OF_OURS = 0o700, 0o755


def keep(data: Path, writer: Writer) -> int:
    """The memory of every bot is in the backup; of how many."""
    bots = sorted(ids_in(data))
    for bot_id in bots:
        with (
            writer.part(f"{FOLDER}{bot_id}.tar") as part,
            tarfile.open(fileobj=part, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            for name in KEPT:
                _keep_below(data / str(bot_id) / name, name, tar)
            _keep_ours(data / str(bot_id) / WRITTEN, tar)
    return len(bots)


def _keep_below(folder: Path, name: str, tar: tarfile.TarFile) -> None:
    if folder.is_symlink() or not folder.is_dir():
        return
    for place, descriptor, files in folders_below(folder):
        at = Path(name) / place
        if _is_too_long(at):
            continue
        tar.addfile(_entry(at, os.fstat(descriptor)))
        for one in files:
            _keep_one(one, at / one, descriptor, tar)


def _keep_one(name: str, at: Path, within: int, tar: tarfile.TarFile) -> None:
    """A file or a link, if it can be brought back; what is gone is gone."""
    if _is_too_long(at):
        return
    try:
        seen = os.stat(name, dir_fd=within, follow_symlinks=False)
        if stat.S_ISLNK(seen.st_mode):
            entry = _entry(at, seen)
            entry.linkname = os.readlink(name, dir_fd=within)
            tar.addfile(entry)
            return
        if not stat.S_ISREG(seen.st_mode):
            return
        opened = os.open(name, OPEN, dir_fd=within)
    except OSError:
        return
    with os.fdopen(opened, "rb") as file:
        found = os.fstat(opened)
        if stat.S_ISREG(found.st_mode) and not _is_hollow(found):
            tar.addfile(_entry(at, found), _Exactly(file, found.st_size))


def _is_too_long(at: Path) -> bool:
    return len(os.fsencode(at)) > LONGEST


def _is_hollow(seen: os.stat_result) -> bool:
    """Whether it says that it is large and holds next to nothing."""
    on_disk = seen.st_blocks * BLOCK
    return seen.st_size > LARGEST_HOLLOW and on_disk * MOST_HOLLOW < seen.st_size


def _keep_ours(path: Path, tar: tarfile.TarFile) -> None:
    """Which files of the workspace are ours, so that a later render can take them away."""
    if path.is_file():
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            tar.addfile(_entry(Path(WRITTEN), found), _Exactly(file, found.st_size))


class _Exactly:
    """A file of a length that was written down: cut there, or filled up with zeros."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        self._left -= wanted
        return self._file.read(wanted).ljust(wanted, b"\0")


def _entry(at: Path, seen: os.stat_result) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(str(at))
    entry.mode = stat.S_IMODE(seen.st_mode) & 0o777
    entry.mtime = int(seen.st_mtime)
    if stat.S_ISDIR(seen.st_mode):
        entry.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(seen.st_mode):
        entry.type = tarfile.SYMTYPE
    else:
        entry.size = seen.st_size
    return entry


def refuse_memory_in(data: Path) -> None:
    """`BadSetup` if bots keep something there."""
    if list(ids_in(data)):
        raise BadSetup(f"{data} holds folders of bots already: move them away first.")


def unpack(reader: Reader, data: Path) -> int:
    """The memory of every bot stands beside its place; of how many. `put_in_place` ends it.

    What an attempt that was broken off left there is gone.
    """
    names = [name for name in reader.told["parts"] if name.startswith(FOLDER)]
    beside = data / STAGING
    try:
        if beside.exists():
            shutil.rmtree(beside)
        if not names:
            return 0
        beside.mkdir(mode=OF_BOT, parents=True)
        for name in names:
            bot_id = UUID(name.removeprefix(FOLDER).removesuffix(".tar"))
            folder = beside / str(bot_id)
            folder.mkdir(mode=OF_OURS)
            with (
                reader.part(name) as part,
                tarfile.open(fileobj=part, mode="r|", bufsize=CHUNK) as tar,
            ):
                _unpack_one(tar, folder)
    except (OSError, ValueError, tarfile.TarError) as error:
        msg = f"The bots' folders cannot be brought back to {data}: {error}."
        raise BadSetup(msg) from error
    return len(names)


def _unpack_one(tar: tarfile.TarFile, folder: Path) -> None:
    """Files first and links last, so that nothing is written through a link."""
    links = []
    for entry in tar:
        if entry.issym():
            links.append((entry.name, entry.linkname))
        else:
            tar.extract(entry, folder, filter="data")
    for name, target in links:
        tarfile.data_filter(tarfile.TarInfo(name), str(folder))  # raises if it is outside
        (folder / name).symlink_to(target)
    owner = container_user() if os.geteuid() == 0 else None
    for name in KEPT:
        if (folder / name).is_dir():
            (folder / name).chmod(OF_BOT)
            if owner is not None:
                _hand_over(folder / name, owner)


def _hand_over(folder: Path, owner: tuple[int, int]) -> None:
    for _, folders, files, descriptor in os.fwalk(folder, follow_symlinks=False):
        os.fchown(descriptor, *owner)
        for name in (*folders, *files):
            os.chown(name, *owner, dir_fd=descriptor, follow_symlinks=False)


def put_in_place(data: Path) -> None:
    """What was unpacked is where bots find it, instead of what an attempt put there."""
    for folder in _unpacked(data):
        place = data / folder.name
        if place.exists():
            shutil.rmtree(place)
        folder.rename(place)
    if (data / STAGING).exists():
        (data / STAGING).rmdir()


def _unpacked(data: Path) -> Iterator[Path]:
    if (data / STAGING).exists():
        yield from list((data / STAGING).iterdir())
