"""The folders of bots on this machine's disk: plays `WorkspaceStore`.

    <data>/<bot id>/config       ours, 0755, files 0644
    <data>/<bot id>/workspace    the bot's, 0700; our files in it 0600
    <data>/<bot id>/state        the bot's, 0700; nothing of ours
    <data>/<bot id>/written.json which files of `workspace` are ours; no bot mounts this
    <data>/.staging/<bot id>     where files are written before they take their place
    <secrets>/<bot id>           0700, files 0400, all the bot's; `.staging` as above

A bot's own files belong to the user that its container runs as (`owner`). A manager that is
not root cannot give files away: there the container runs as the manager's own user.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from adapters.workspace.area import OpenArea
from adapters.workspace.beneath import Owner, folder, is_there, write_file
from adapters.workspace.looking import (
    WRITTEN,
    files_below,
    held_in,
    ids_in,
    looked_into,
    ours_in,
    shown_in,
    size_below,
    written_by_us,
)
from adapters.workspace.trees import remove_tree
from application.workspace_store import (
    Folders,
    HeldSecret,
    KeptWorkspace,
    NoSpace,
    ShownFile,
    WorkspaceUnavailable,
)
from domain.workspace.rendered import Area, Rendered

CONTAINER_USER: Owner = (1000, 1000)  # `node` in OpenClaw's image
STAGING = ".staging"
OURS, THEIRS = 0o755, 0o700
ALL_OURS = (Area.CONFIG, Area.SECRETS)  # nobody else writes there


def container_user() -> Owner:
    """Whom the bots' own files belong to, and whom their containers run as."""
    return CONTAINER_USER if os.geteuid() == 0 else (os.geteuid(), os.getegid())


class WorkspaceFolders:
    """Keeps the workspaces below two folders of this machine."""

    def __init__(self, data: Path, secrets: Path, *, owner: Owner = CONTAINER_USER) -> None:
        self._data = data
        self._secrets = secrets
        self._owner = owner if os.geteuid() == 0 else None

    def folders(self, bot_id: UUID) -> Folders:
        """Where they are; they need not be there yet."""
        of_bot = self._data / str(bot_id)
        return Folders(
            config=of_bot / "config",
            workspace=of_bot / "workspace",
            state=of_bot / "state",
            secrets=self._secrets / str(bot_id),
        )

    def put(self, bot_id: UUID, rendered: Rendered) -> Sequence[str]:
        """The folders hold just what was rendered; which files had to be changed."""
        with _telling(), ExitStack() as stack:
            of_bot, areas = self._opened(bot_id, stack)
            before = ours_in(of_bot)
            changed = [file for file in rendered.files if areas[file.area].differs(file)]
            staged = [(areas[file.area].stage(file), file) for file in changed]
            now = {f.path for f in rendered.files if f.area is Area.WORKSPACE}
            if not now <= before:
                _write_down(of_bot, areas[Area.WORKSPACE].staging, before | now)
            for name, file in staged:
                areas[file.area].place(name, file)
            gone = _removed(areas, rendered, before - now)
            if before - now:
                _write_down(of_bot, areas[Area.WORKSPACE].staging, now)
            return [*(f"{file.area}/{file.path}" for file in changed), *gone]

    def differing(self, bot_id: UUID, rendered: Rendered) -> Sequence[str]:
        """Which files are not as they were rendered; nothing is changed."""
        folders = self.folders(bot_id)
        places = {
            Area.CONFIG: (folders.config, None),
            Area.WORKSPACE: (folders.workspace, self._owner),
            Area.SECRETS: (folders.secrets, self._owner),
        }
        different = []
        with _telling():
            for area, (place, owner) in places.items():
                files = [file for file in rendered.files if file.area is area]
                with looked_into(place) as fd:
                    for file in files:
                        here = OpenArea(fd=fd or 0, staging=-1, owner=owner)
                        if fd is None or here.differs(file):
                            different.append(f"{area}/{file.path}")
        return different

    def secret(self, bot_id: UUID, path: str) -> HeldSecret | None:
        """What stands in that file of the secrets folder; None if there is none."""
        with _telling():
            return held_in(self._secrets / str(bot_id), path)

    def with_secrets(self) -> frozenset[UUID]:
        """The bots that have a secrets folder."""
        with _telling():
            return frozenset(ids_in(self._secrets))

    def withdraw(self, bot_id: UUID) -> None:
        """The bot has no secrets folder any more."""
        with _telling():
            _remove(self._secrets, bot_id)

    def shown(self, bot_id: UUID) -> Sequence[ShownFile]:
        """The files that were rendered, as they are now, with every secret masked."""
        folders = self.folders(bot_id)
        with _telling():
            found = [
                *shown_in(Area.CONFIG, folders.config, files_below(folders.config)),
                *shown_in(Area.WORKSPACE, folders.workspace, written_by_us(folders)),
                *shown_in(Area.SECRETS, folders.secrets, files_below(folders.secrets)),
            ]
        return sorted(found, key=lambda file: (file.area, file.path))

    def kept_for(self, bot_id: UUID) -> Sequence[Path]:
        """The bot's memory: its workspace and its state."""
        folders = self.folders(bot_id)
        return [path for path in (folders.workspace, folders.state) if path.is_dir()]

    def kept(self, *, but: frozenset[UUID] = frozenset()) -> Sequence[KeptWorkspace]:
        """Every bot that has folders, but for these."""
        with _telling():
            ids = {*ids_in(self._data), *ids_in(self._secrets)} - but
            return [self._kept(bot_id) for bot_id in sorted(ids)]

    def discard(self, bot_id: UUID) -> None:
        """The bot's folders are gone, with its memory and secrets."""
        with _telling():
            for base in (self._secrets, self._data):
                _remove(base, bot_id)

    def _opened(self, bot_id: UUID, stack: ExitStack) -> tuple[int, dict[Area, OpenArea]]:
        """The bot's folder and areas, locked against other writers."""
        name, enter = str(bot_id), stack.enter_context
        self._data.mkdir(parents=True, exist_ok=True, mode=THEIRS)
        self._secrets.mkdir(parents=True, exist_ok=True, mode=THEIRS)
        data = enter(folder(str(self._data), within=None, mode=THEIRS))
        secrets = enter(folder(str(self._secrets), within=None, mode=THEIRS))
        of_bot = enter(folder(name, within=data, mode=OURS))
        fcntl.flock(of_bot, fcntl.LOCK_EX)
        config = enter(folder("config", within=of_bot, mode=OURS))
        theirs = enter(folder("workspace", within=of_bot, mode=THEIRS, owner=self._owner))
        enter(folder("state", within=of_bot, mode=THEIRS, owner=self._owner))
        secret = enter(folder(name, within=secrets, mode=THEIRS, owner=self._owner))
        stage, hidden = enter(_staging(data, name)), enter(_staging(secrets, name))
        return of_bot, {
            Area.CONFIG: OpenArea(fd=config, staging=stage, owner=None),
            Area.WORKSPACE: OpenArea(fd=theirs, staging=stage, owner=self._owner),
            Area.SECRETS: OpenArea(fd=secret, staging=hidden, owner=self._owner),
        }

    def _kept(self, bot_id: UUID) -> KeptWorkspace:
        paths = [base / str(bot_id) for base in (self._data, self._secrets)]
        there = [path for path in paths if path.is_dir()]
        changed = max(path.stat().st_mtime for path in there)
        return KeptWorkspace(
            bot_id=bot_id,
            changed_at=datetime.fromtimestamp(changed, UTC),
            size_bytes=sum(size_below(path) for path in there),
        )


@contextmanager
def _telling() -> Iterator[None]:
    """What the disk refuses is said in our words, without a path."""
    try:
        yield
    except OSError as error:
        reason = errno.errorcode.get(error.errno or 0, "")
        is_full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        raise (NoSpace if is_full else WorkspaceUnavailable)(reason) from error


@contextmanager
def _staging(base: int, name: str) -> Iterator[int]:
    """An empty folder to write in, gone afterwards; what a crash left there is gone too."""
    with folder(STAGING, within=base, mode=THEIRS) as all_of_them:
        if is_there(name, within=all_of_them):
            shutil.rmtree(name, dir_fd=all_of_them)
        try:
            with folder(name, within=all_of_them, mode=THEIRS) as staging:
                yield staging
        finally:
            shutil.rmtree(name, dir_fd=all_of_them)


def _removed(areas: dict[Area, OpenArea], rendered: Rendered, ours: set[str]) -> list[str]:
    """What is not wanted any more is gone: of a bot's own folder only what was ours."""
    gone = []
    for area in ALL_OURS:
        wanted = [file.path for file in rendered.files if file.area is area]
        gone += [f"{area}/{path}" for path in areas[area].remove_others(wanted)]
    theirs = areas[Area.WORKSPACE]
    return [*gone, *(f"workspace/{path}" for path in sorted(ours) if theirs.remove(path))]


def _write_down(of_bot: int, staging: int, ours: set[str]) -> None:
    content = json.dumps(sorted(ours)).encode()
    write_file(WRITTEN, content, within=staging, mode=0o600, owner=None)
    os.rename(WRITTEN, WRITTEN, src_dir_fd=staging, dst_dir_fd=of_bot)


def _remove(base: Path, bot_id: UUID) -> None:
    for path in (base / STAGING / str(bot_id), base / str(bot_id)):
        if path.is_dir():
            remove_tree(path)
