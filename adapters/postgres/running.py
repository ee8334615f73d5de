"""Which processes live in a cluster's folder right now, according to Linux.

`postmaster.pid` alone proves nothing: after a crash its number may belong to anybody. A
server and all its children have the cluster as their working folder, and that counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_PORT_LINE = 3  # PostgreSQL, miscadmin.h: LOCK_FILE_LINE_PORT, counted from 0 here


@dataclass(frozen=True, kw_only=True)
class RunningServer:
    """A postmaster at work; `port` is None until it has said which."""

    pid: int
    port: int | None


def running_server(cluster: Path) -> RunningServer | None:
    """The postmaster of this cluster, if it is alive."""
    lines = _lines(cluster / "postmaster.pid")
    if not lines or not _lives_in(int(lines[0]), cluster):
        return None
    known = len(lines) > _PORT_LINE
    return RunningServer(pid=int(lines[0]), port=int(lines[_PORT_LINE]) if known else None)


def anybody_lives_in(cluster: Path) -> bool:
    """Whether a server or one of its children is left, postmaster.pid or not."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return any(_lives_in(pid, cluster) for pid in pids)


def forget_reused_pid(cluster: Path) -> None:
    """A postmaster.pid whose number now is another program's no longer stops a start.

    To be called when nobody lives in the cluster. One that names nobody is left to
    PostgreSQL, which handles it better.
    """
    lines = _lines(cluster / "postmaster.pid")
    if lines and Path("/proc", lines[0]).exists():
        (cluster / "postmaster.pid").unlink()


def _lines(pid_file: Path) -> list[str]:
    try:
        lines = pid_file.read_text().split("\n")[:-1]
    except FileNotFoundError:
        return []
    return (
        [line.strip() for line in lines] if lines and lines[0].strip().isdecimal() else []
    )


def _lives_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder
    except OSError:  # gone, a zombie, or another user's
        return False
