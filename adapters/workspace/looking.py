"""Looking at a bot's folders without changing anything, and without following a link."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.workspace.beneath import existing, read_file
from adapters.workspace.trees import folders_below
from application.workspace_store import Folders, HeldSecret, ShownFile
from domain.workspace.rendered import Area, RenderedFile

WRITTEN = "written.json"  # which files of the workspace are ours
LARGEST = 1 << 20  # bytes of a file that is looked at
MASK = "***"


def ours_in(of_bot: int) -> set[str]:
    """Which files of the workspace we wrote, as it was written down."""
    found = read_file(WRITTEN, within=of_bot, at_most=LARGEST)
    return set() if found is None else set(json.loads(found[0]))


def written_by_us(folders: Folders) -> set[str]:
    """The same, of a bot that may have no folders."""
    with looked_into(folders.workspace.parent) as of_bot:
        return set() if of_bot is None else ours_in(of_bot)


def files_below(folder: Path) -> set[str]:
    """Every file below the folder, by its path there."""
    return {
        os.path.relpath(os.path.join(place, name), folder)  # noqa: PTH118 - of os.walk
        for place, _, names in os.walk(folder)
        for name in names
    }


def size_below(folder: Path) -> int:
    """The bytes of all files below the folder; a link counts as itself.

    What lies deeper than `folders_below` goes does not count.
    """
    size = 0
    for _, fd, names in folders_below(folder):
        for name in names:
            try:
                size += os.stat(name, dir_fd=fd, follow_symlinks=False).st_size
            except FileNotFoundError:
                continue  # a bot is at work there
    return size


def held_in(folder: Path, path: str) -> HeldSecret | None:
    """What stands in that file; None if there is no such file, or no regular one."""
    with looked_into(folder) as fd:
        if fd is None:
            return None
        *parents, name = path.split("/")
        found = _below(fd, parents, name)
    if found is None:
        return None
    content, seen = found
    return HeldSecret(content=content, since=datetime.fromtimestamp(seen.st_mtime, UTC))


def ids_in(base: Path) -> Iterator[UUID]:
    """The bots that have a folder there."""
    if not base.is_dir():
        return
    for entry in os.scandir(base):
        if entry.is_dir(follow_symlinks=False) and _is_id(entry.name):
            yield UUID(entry.name)


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def shown_of(file: RenderedFile) -> ShownFile:
    """A file that was rendered, as people may see it."""
    return _shown(file.area, file.path, file.content)


def shown_in(area: Area, folder: Path, paths: Iterable[str]) -> Iterator[ShownFile]:
    """Those of the files that are there, as people may see them."""
    for path in paths:
        found = held_in(folder, path)
        if found is not None:
            yield _shown(area, path, found.content)


def _shown(area: Area, path: str, content: bytes) -> ShownFile:
    hidden = area is Area.SECRETS
    text = masked(content) if hidden else content.decode(errors="replace")
    return ShownFile(area=area, path=path, text=text)


def masked(content: bytes) -> str:
    """The file with every text and number in it masked; the names of fields stay."""
    try:
        read = json.loads(content)
    except ValueError:
        return MASK
    return json.dumps(_masked(read), ensure_ascii=False, indent=1)


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _masked(member) for name, member in value.items()}
    return [_masked(member) for member in value] if isinstance(value, list) else MASK


def _below(fd: int, parents: list[str], name: str) -> tuple[bytes, os.stat_result] | None:
    if not parents:
        return read_file(name, within=fd, at_most=LARGEST)
    try:
        with existing(parents[0], within=fd) as within:
            return _below(within, parents[1:], name)
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextmanager
def looked_into(folder: Path) -> Iterator[int | None]:
    """The folder's descriptor; None if it is not there."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)
