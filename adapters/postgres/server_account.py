"""The system user that runs PostgreSQL, which refuses to run as root.

When we are not root it is the user that we are. When we are root it is a no-login user
of its own, made once.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from domain.errors import BadSetup

ROOTS_SERVER_USER = "clawbot-pg"
_SYSTEM_PROGRAMS = "/usr/sbin:/sbin:/usr/bin:/bin"
_ALREADY_EXISTS = 9  # useradd(8), exit values
_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class ServerAccount:
    """Who the server runs as; `uid` is None until the user has been made."""

    name: str
    uid: int | None
    gid: int | None

    @property
    def ids(self) -> tuple[int, int]:
        """Both numbers of a user that exists."""
        if self.uid is None or self.gid is None:
            raise BadSetup(f"there is no system user {self.name}")
        return self.uid, self.gid

    @property
    def is_ours(self) -> bool:
        """Whether it is the user that this process runs as."""
        return self.uid == os.geteuid()

    def first_closed(self, folder: Path) -> Path | None:
        """The outermost folder on the way to `folder`, or that, which it cannot enter."""
        if self.is_ours:
            return None  # the operating system tells us itself
        for step in (*reversed(folder.parents), folder):
            if step.is_dir() and not self._may_enter(step.stat()):
                return step
        return None

    def _may_enter(self, folder: os.stat_result) -> bool:
        if folder.st_uid == self.uid:
            return bool(folder.st_mode & stat.S_IXUSR)
        if folder.st_gid == self.gid:
            return bool(folder.st_mode & stat.S_IXGRP)
        return bool(folder.st_mode & stat.S_IXOTH)


def server_account() -> ServerAccount:
    """Who the server is to run as, whether that user exists yet or not."""
    if os.geteuid() != 0:
        return ServerAccount(
            name=_name_of(os.geteuid()), uid=os.geteuid(), gid=os.getegid()
        )
    try:
        entry = pwd.getpwnam(ROOTS_SERVER_USER)
    except KeyError:
        return ServerAccount(name=ROOTS_SERVER_USER, uid=None, gid=None)
    if entry.pw_uid == 0:
        raise BadSetup(f"the system user {ROOTS_SERVER_USER} is root itself: remove it")
    return ServerAccount(name=ROOTS_SERVER_USER, uid=entry.pw_uid, gid=entry.pw_gid)


def existing(account: ServerAccount) -> ServerAccount:
    """The account, made if it was missing; BadSetup when that is impossible."""
    if account.uid is not None:
        return account
    _add(account.name)
    return server_account()


def _add(name: str) -> None:
    by_hand = f"make the system user {name} yourself, or start as a user that is not root"
    program = shutil.which("useradd", path=_SYSTEM_PROGRAMS)
    if program is None:
        raise BadSetup(
            f"PostgreSQL does not run as root, and there is no useradd: {by_hand}"
        )
    command = [program, "--system", "--user-group", "--no-create-home"]
    command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", name]
    done = subprocess.run(  # noqa: S603 - a system program, fixed arguments
        command, capture_output=True, text=True, check=False, timeout=_SECONDS
    )
    if done.returncode not in {0, _ALREADY_EXISTS}:
        raise BadSetup(f"useradd {name} failed ({done.stderr.strip()}): {by_hand}")


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"number {uid}"
