"""Gives up all that an MCP server must not have, and becomes it.

Run as a script, by a small interpreter of its own, for the reasons that stand in
`adapters/postgres/tied_process.py`. It sees the standard library only. Its one argument is
JSON: `parent`, `uid`, `gid`, `folder`, `limits` (name to number), `readable` (folders) and
`command`; or `reap`, a uid, all of whose processes are killed. What comes first on its
standard input is the server's environment (4 bytes of length, JSON), which must not work
on the interpreter, nor be seen in a list of processes.

What holds for the server: another user, when we are root; no way back to more rights; the
limits; killed when the thread that started it ends; and, where the kernel has Landlock,
nothing of the file system but programs, libraries, `/etc` and its own folder, and no other
process to look into or to signal.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38  # linux/prctl.h
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every machine
_VERSION_OF_LANDLOCK = 1
_BENEATH = 1
# linux/landlock.h: execute 1, write 2, read a file 4, read a folder 8, and up to ABI 5
# everything that makes, removes, moves, cuts or controls.
_READ = 1 | 4 | 8
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_ALL_RIGHTS = (1 << 16) - 1
_OF_A_FILE = 1 | 2 | 4 | 1 << 14 | 1 << 15
_SCOPED_SINCE = 6
_SIGNALS_AND_ABSTRACT_SOCKETS = 3
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")

_libc = ctypes.CDLL(None, use_errno=True)


def landlock_version() -> int:
    """Which Landlock the kernel has; 0: none."""
    return max(int(_libc.syscall(_CREATE_RULESET, None, 0, _VERSION_OF_LANDLOCK)), 0)


def become(told: dict[str, Any]) -> None:
    """The server, with nothing but what it was told; never returns."""
    environment = json.loads(_read(int.from_bytes(_read(4), "big")))
    for name, number in told["limits"].items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (number, number))
    if os.geteuid() != told["uid"]:
        os.setgroups([])
        os.setresgid(told["gid"], told["gid"], told["gid"])
        os.setresuid(told["uid"], told["uid"], told["uid"])
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    version = landlock_version()
    if version:
        _restrict(version, told["readable"], told["folder"])
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != told["parent"]:
        sys.exit("the parent was gone before the server began")
    os.umask(0o077)
    os.chdir(told["folder"])
    os.execve(told["command"][0], told["command"], environment)  # noqa: S606 - no shell


def _read(size: int) -> bytes:
    """So many bytes of the standard input, and not one more: the rest is the server's."""
    text = b""
    while len(text) < size:
        piece = os.read(0, size - len(text))
        if not piece:
            sys.exit("the parent was gone before the server began")
        text += piece
    return text


def reap(uid: int) -> None:
    """Every process of that user is gone; it must be one that only servers have."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.kill(-1, signal.SIGKILL)


def _restrict(version: int, readable: list[str], folder: str) -> None:
    handled = _RIGHTS.get(version, _ALL_RIGHTS)
    attributes = struct.pack("QQQ", handled, 0, _SIGNALS_AND_ABSTRACT_SOCKETS)
    if version < _SCOPED_SINCE:
        attributes = attributes[:8]
    rules = _checked(
        _libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    )
    for place in readable:
        _allow(rules, place, _READ & handled)
    for place in _DEVICES:
        _allow(rules, place, handled)
    _allow(rules, folder, handled)
    _checked(_libc.syscall(_RESTRICT_SELF, rules, 0))
    os.close(rules)


def _allow(rules: int, place: str, rights: int) -> None:
    try:
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not os.path.isdir(place):  # noqa: PTH112 - pathlib would be all that is imported for it
        rights &= _OF_A_FILE
    rule = struct.pack("=Qi", rights, opened)
    _checked(_libc.syscall(_ADD_RULE, rules, _BENEATH, rule, 0))
    os.close(opened)


def _prctl(option: int, value: int) -> None:
    _checked(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0))


def _checked(answer: int) -> int:
    if answer < 0:
        raise OSError(ctypes.get_errno(), "prctl or landlock")
    return answer


if __name__ == "__main__":
    _told = json.loads(sys.argv[1])
    if "reap" in _told:
        reap(_told["reap"])
    else:
        become(_told)
