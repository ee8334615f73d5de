"""What a server is left with where the manager is nobody in particular: Landlock alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.relays.mcp import launcher
from adapters.relays.mcp.sandbox import READABLE

NOBODY = 65534
TRIES = """
import os, resource, sys
def tried(act):
    try:
        return str(act())
    except OSError as error:
        return type(error).__name__
print(tried(lambda: open(sys.argv[1]).read()))
print(tried(lambda: open(sys.argv[1], "w")))
print(tried(lambda: open(f"/proc/{sys.argv[2]}/environ", "rb").read()))
print(tried(lambda: os.kill(int(sys.argv[2]), 0)))
print(tried(lambda: open("mine", "w").write("x")))
print(resource.getrlimit(resource.RLIMIT_NOFILE))
print(sorted(os.environ.items()))
print(open("/proc/self/status").read().split("NoNewPrivs:")[1].split()[0])
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody may enter, and nobody's own file in it."""
    folder = Path(tempfile.mkdtemp(prefix="clawbot-test-launcher-"))
    folder.chmod(0o755)
    (folder / "own").mkdir()
    (folder / "secret").write_text("a master key")
    for one in ("own", "secret"):
        if os.geteuid() == 0:
            os.chown(folder / one, NOBODY, NOBODY)
        (folder / one).chmod(0o700)
    yield folder
    shutil.rmtree(folder)


def run(told: dict[str, object], environment: dict[str, str]) -> list[str]:
    """What the server says, started by a process of the same user."""
    script = Path(shutil.copy(launcher.__file__, f"{told['folder']}/../launcher.py"))
    script.chmod(0o644)
    as_nobody: dict[str, int] = {}
    if os.geteuid() == 0:
        as_nobody = {"user": NOBODY, "group": NOBODY}
    body = json.dumps(environment).encode()
    ran = subprocess.run(
        ["/usr/bin/python3", "-I", "-S", str(script), json.dumps(told)],
        input=len(body).to_bytes(4, "big") + body,
        capture_output=True,
        check=False,
        env={"OF_THE_WORKER": "1", "LC_CTYPE": "C.UTF-8"},
        cwd="/",
        timeout=20,
        extra_groups=[] if as_nobody else None,
        **as_nobody,  # type: ignore[call-overload]
    )
    assert ran.returncode == 0, ran.stderr
    return str(ran.stdout.decode()).splitlines()


def test_same_user_or_not_it_sees_nothing_of_others_and_signals_nobody(place: Path) -> None:
    uid = NOBODY if os.geteuid() == 0 else os.geteuid()
    gid = NOBODY if os.geteuid() == 0 else os.getegid()
    as_nobody = {"user": uid, "group": gid} if os.geteuid() == 0 else {}
    with subprocess.Popen(["/bin/sleep", "60"], **as_nobody) as neighbour:  # type: ignore[call-overload]
        try:
            command = ["/usr/bin/python3", "-c", TRIES, str(place / "secret")]
            said = run(
                {
                    "parent": os.getpid(),
                    "uid": uid,
                    "gid": gid,
                    "folder": str(place / "own"),
                    "limits": {"NOFILE": 64},
                    "readable": READABLE,
                    "command": [*command, str(neighbour.pid)],
                },
                {"API_KEY": "k", "PATH": "/usr/bin"},
            )
        finally:
            neighbour.send_signal(signal.SIGKILL)
    assert said == [
        "PermissionError",
        "PermissionError",
        "PermissionError",
        "PermissionError",
        "1",
        "(64, 64)",
        "[('API_KEY', 'k'), ('LC_CTYPE', 'C.UTF-8'), ('PATH', '/usr/bin')]",
        "1",
    ]


def test_this_machine_has_landlock() -> None:
    """Else the test above proves less than it says."""
    assert launcher.landlock_version() > 0
