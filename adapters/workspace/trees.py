"""Trees of folders that a hostile program made: gone through, and taken away.

Folders may lie within folders as deep as somebody likes. What goes through them calls
nothing from itself, keeps few descriptors open, and leaves alone what lies too deep.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

from adapters.workspace.beneath import FOLDER, existing, is_folder, names_in

DEEPEST = 200  # folders within folders; each has a descriptor open


def folders_below(top: Path) -> Iterator[tuple[Path, int, list[str]]]:
    """Each folder from the top on: its path below, its descriptor, and what else is in it.

    What is no folder is named, whatever it is, and no link is followed. Folders that lie
    deeper than `DEEPEST`, or that cannot be opened, are left out.
    """
    with ExitStack() as opened:
        under_way: list[tuple[Path, int, Iterator[str]]] = []

        def enter(path: Path, descriptor: int) -> tuple[Path, int, list[str]]:
            folders, others = _sorted_out(descriptor)
            under_way.append((path, descriptor, iter(folders)))
            return path, descriptor, others

        opened.callback(_close_all, under_way)
        yield enter(Path(), os.open(top, FOLDER & ~os.O_NOFOLLOW))
        while under_way:
            path, descriptor, folders = under_way[-1]
            name = next(folders, None)
            if name is None:
                under_way.pop()
                os.close(descriptor)
            elif len(under_way) <= DEEPEST:
                try:
                    inner = os.open(name, FOLDER, dir_fd=descriptor)
                except OSError:  # gone, or something else by now, or not for us to read
                    continue
                yield enter(path / name, inner)


def remove_tree(top: Path) -> None:
    """The folder is gone with all that is in it; nobody may write into it meanwhile.

    Folders are moved up to the top before they are taken away, so that none lies deep.
    """
    with ExitStack() as opened:
        descriptor = os.open(top, FOLDER)
        opened.callback(os.close, descriptor)
        while names := names_in(descriptor):
            for name in names:
                _remove_one(name, descriptor)
    top.rmdir()


def _remove_one(name: str, top: int) -> None:
    if not is_folder(name, within=top):
        os.unlink(name, dir_fd=top)
        return
    with existing(name, within=top) as inner:
        for one in names_in(inner):
            if is_folder(one, within=inner):
                os.rename(one, uuid4().hex, src_dir_fd=inner, dst_dir_fd=top)
            else:
                os.unlink(one, dir_fd=inner)
    os.rmdir(name, dir_fd=top)


def _sorted_out(descriptor: int) -> tuple[list[str], list[str]]:
    """The folders in it and the rest; each name once, even if somebody is at work there."""
    with os.scandir(descriptor) as entries:
        found = {one.name: one.is_dir(follow_symlinks=False) for one in entries}
    names = sorted(found)
    return [one for one in names if found[one]], [one for one in names if not found[one]]


def _close_all(under_way: list[tuple[Path, int, Iterator[str]]]) -> None:
    for _, descriptor, _ in under_way:
        os.close(descriptor)
