"""One area of a bot's folders: what is wanted there, and how it takes its place.

New content is written into a folder of our own beside the areas and moved from there, so
that a bot never has a name under which it could change a file before it is in its place.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from adapters.workspace.beneath import (
    Owner,
    existing,
    folder,
    is_folder,
    is_there,
    names_in,
    read_file,
    write_file,
)
from domain.workspace.rendered import RenderedFile

FOLDER_MODE = 0o755  # of folders within an area; only `config` has any
TRIES = 5  # at moving a file in, while a bot puts folders in its way


@dataclass(frozen=True, kw_only=True)
class OpenArea:
    """An area that is open for changes. `fd` and `staging` are folders of one disk."""

    fd: int
    staging: int
    owner: Owner | None  # of the files

    def differs(self, file: RenderedFile) -> bool:
        """Whether something else than this file stands in its place."""
        parents, name = _split(file.path)
        try:
            with self._folder_of(parents, make=False) as within:
                if file.seed:
                    return not is_there(name, within=within)
                found = read_file(name, within=within, at_most=len(file.content))
        except (FileNotFoundError, NotADirectoryError):
            return True
        if found is None:
            return True
        content, seen = found
        owned = self.owner is None or (seen.st_uid, seen.st_gid) == self.owner
        return (
            content != file.content or stat.S_IMODE(seen.st_mode) != file.mode or not owned
        )

    def stage(self, file: RenderedFile) -> str:
        """The file is written, not yet in its place, and its folder is there; its name."""
        parents, _ = _split(file.path)
        with self._folder_of(parents, make=True):
            name = uuid4().hex
        write_file(
            name, file.content, within=self.staging, mode=file.mode, owner=self.owner
        )
        return name

    def place(self, staged: str, file: RenderedFile) -> None:
        """The staged file is in its place, and what was there is not."""
        parents, name = _split(file.path)
        with self._folder_of(parents, make=True) as within:
            for last in range(TRIES, 0, -1):
                try:
                    os.rename(staged, name, src_dir_fd=self.staging, dst_dir_fd=within)
                except IsADirectoryError:
                    if last == 1:
                        raise
                    _set_aside(name, within)
                else:
                    return

    def remove(self, path: str) -> bool:
        """Nothing stands there any more, unless it is a folder that somebody made."""
        parents, name = _split(path)
        try:
            with self._folder_of(parents, make=False) as within:
                os.unlink(name, dir_fd=within)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
            return False
        return True

    def remove_others(self, wanted: Iterable[str]) -> list[str]:
        """Nothing but the wanted files is here; which paths had to go."""
        return _prune(self.fd, set(wanted), "")

    @contextmanager
    def _folder_of(self, parents: list[str], *, make: bool) -> Iterator[int]:
        if not parents:
            yield self.fd
            return
        first, *others = parents
        if (
            make
            and is_there(first, within=self.fd)
            and not is_folder(first, within=self.fd)
        ):
            os.unlink(first, dir_fd=self.fd)
        opened = (
            folder(first, within=self.fd, mode=FOLDER_MODE)
            if make
            else existing(first, within=self.fd)
        )
        with opened as fd:
            within = OpenArea(fd=fd, staging=self.staging, owner=self.owner)
            with within._folder_of(others, make=make) as last:
                yield last


def _split(path: str) -> tuple[list[str], str]:
    """The folders of a path and the name in them; a path that could lead out is refused."""
    *parents, name = path.split("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in (*parents, name)):
        msg = "a path leads out of its area"
        raise ValueError(msg)
    return parents, name


def _set_aside(name: str, within: int) -> None:
    """The bot keeps what it put into our place, under another name."""
    try:
        os.rename(name, f"{name}.{uuid4().hex}", src_dir_fd=within, dst_dir_fd=within)
    except FileNotFoundError:
        return


def _prune(fd: int, wanted: set[str], before: str) -> list[str]:
    gone = []
    for name in names_in(fd):
        path = f"{before}{name}"
        if path in wanted:
            continue
        inner = {one for one in wanted if one.startswith(f"{path}/")}
        if not is_folder(name, within=fd):
            os.unlink(name, dir_fd=fd)
            gone.append(path)
        elif inner:
            with existing(name, within=fd) as within:
                gone += _prune(within, inner, f"{path}/")
        else:
            shutil.rmtree(name, dir_fd=fd)
            gone.append(path)
    return gone
