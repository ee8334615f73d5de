"""A bot that tries to break out, and says as JSON how far it came. Runs in a container.

breakout.py                          everything that needs no target, then it waits
breakout.py reach 10.0.0.1:80 …      each address, by TCP
breakout.py resolve example.com      a name, by the resolver it was given
breakout.py fill 4096                takes that many MiB of memory, and says so
breakout.py fork 5000                makes that many children: how many it got
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def reach(*targets: str) -> dict[str, str]:
    """`open`, or why not."""
    with ThreadPoolExecutor() as at_once:
        return dict(zip(targets, at_once.map(_reach, targets), strict=True))


def _reach(target: str) -> str:
    host, _, port = target.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError as error:
        return type(error).__name__ if error.errno is None else os.strerror(error.errno)
    return "open"


def resolve(name: str) -> dict[str, object]:
    try:
        found = socket.getaddrinfo(name, 80)
    except OSError as error:
        return {"error": str(error)}
    return {"addresses": sorted({str(address[4][0]) for address in found})}


def fill(mib: str) -> dict[str, int]:
    taken = bytearray()
    for _ in range(int(mib)):
        taken += b"x" * 2**20
    return {"mib": len(taken) // 2**20}


def fork(count: str) -> dict[str, int]:
    children: list[int] = []
    try:
        while len(children) < int(count):
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return {"children": len(children)}


def findings() -> dict[str, object]:
    """What a process in here is and may do."""
    status = dict(
        line.split(":\t", 1)
        for line in Path("/proc/self/status").read_text().splitlines()
        if ":\t" in line
    )
    libc = ctypes.CDLL(None, use_errno=True)
    return {
        "uid": os.getuid(),
        "groups": os.getgroups(),
        "capabilities": {name: status[name] for name in status if name.startswith("Cap")},
        "no_new_privileges": status["NoNewPrivs"],
        "seccomp": status["Seccomp"],
        "writable": [folder for folder in FOLDERS if _is_writable(folder)],
        "setuid_gives": _output(["/usr/local/bin/root-id"]),
        "runs_from_tmp": _tries(_run_from_tmp),
        "mounts": libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0,
        "new_user_namespace": libc.unshare(0x10000000) == 0,
        "raw_socket": _tries(
            lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close()
        ),
        "becomes_root": _tries(lambda: os.setuid(0)),
        "devices": sorted(place.name for place in Path("/dev").iterdir()),
        "sockets": [name for name in SOCKETS if Path(name).exists()],
        "processes": [place.name for place in Path("/proc").glob("[0-9]*")],
        "open_files": _open_files(),
    }


FOLDERS = (
    *("/", "/etc", "/usr", "/app", "/proc/sys", "/sys/fs/cgroup", "/etc/bot", "/run/bot"),
    *("/tmp", "/workspace", "/state", "/home/node"),
)
SOCKETS = ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock")


def _tries(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _is_writable(folder: str) -> bool:
    place = Path(folder) / "left-by-breakout"
    try:
        place.write_text("here")
        place.unlink()
    except OSError:
        return False
    return True


def _run_from_tmp() -> None:
    place = Path("/tmp/program")
    place.write_bytes(Path("/usr/local/bin/root-id").read_bytes())
    place.chmod(0o755)
    subprocess.run([place], check=False, capture_output=True)


def _output(command: list[str]) -> str:
    return subprocess.run(
        command, check=False, capture_output=True, text=True
    ).stdout.strip()


def _open_files() -> int:
    held: list[int] = []
    try:
        while len(held) < 100_000:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    for number in held:
        os.close(number)
    return len(held)


DOING: dict[str, Callable[..., object]] = {
    "reach": reach,
    "resolve": resolve,
    "fill": fill,
    "fork": fork,
    "findings": findings,
}


def tell(found: object) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def main() -> None:
    if len(sys.argv) > 1:
        tell(DOING[sys.argv[1]](*sys.argv[2:]))
        return
    tell(findings())
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()
