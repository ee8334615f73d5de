"""Installs the peers under `.cache/bench`, once for each lock: what a lock does not hash
is not installed, and no package's own script runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from adapters.bench.running import ROOT, program_path
from domain.errors import BadSetup, Unavailable

CACHE = ROOT / ".cache" / "bench"
HERE = Path(__file__).parent
DONE = "installed"  # the file that says so
SAID = 2000  # characters of a failed program's last words

Advance = Callable[[], None]


def litellm() -> Path:
    """LiteLLM's program, in a venv of its own. Raises `Unavailable`."""
    lock = HERE / "litellm.lock"
    with _once("litellm", lock, count=lock.read_text().count("==")) as (folder, advance):
        if advance is not None:
            _run([sys.executable, "-m", "venv", str(folder)])
            _pip([str(folder / "bin" / "pip")], lock, advance)
    return folder / "bin" / "litellm"


def aiohttp() -> Path:
    """The folder that aiohttp can be imported from. Raises `Unavailable`.

    It is not in our own venv, because a vendor's SDK that finds it there uses it.
    """
    lock = HERE / "aiohttp.lock"
    with _once("aiohttp", lock, count=lock.read_text().count("==")) as (folder, advance):
        if advance is not None:
            _pip([sys.executable, "-m", "pip"], lock, advance, "--target", str(folder))
    return folder


def portkey() -> Path:
    """The folder that Portkey's gateway is in. Raises `Unavailable`, `BadSetup`."""
    npm = shutil.which("npm", path=program_path())
    if npm is None:
        raise BadSetup(missing("npm"))
    lock = HERE / "package-lock.json"
    packages = lock.read_text().count('"integrity"')
    with _once("portkey", lock, count=packages) as (folder, advance):
        if advance is not None:
            folder.mkdir(parents=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder)
            command = [npm, "ci", "--omit=dev", "--ignore-scripts"]
            command += ["--no-audit", "--no-fund", "--loglevel=http"]
            _run(command, folder=folder, counting=".tgz", advance=advance)
    return folder


def node() -> str:
    """Where Node.js is. Raises `BadSetup`."""
    found = shutil.which("node", path=program_path())
    if found is None:
        raise BadSetup(missing("node"))
    return found


def missing(program: str) -> str:
    """What to do about a program that is not there."""
    return (
        f"{program} is not installed, and Portkey's gateway needs it: install Node.js 18 "
        "or newer with npm (Debian: apt-get install nodejs npm), then run this again."
    )


@contextmanager
def _once(name: str, lock: Path, *, count: int) -> Iterator[tuple[Path, Advance | None]]:
    """The folder for this lock, whole when the block ends; what shows a step done.

    There is no such thing (None) when all of it is there already.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    mark = sha256(lock.read_bytes()).hexdigest()[:12]
    folder = CACHE / f"{name}-{mark}-py{version}"
    if (folder / DONE).exists():
        yield folder, None
        return
    shutil.rmtree(folder, ignore_errors=True)  # an earlier try that was cut short
    CACHE.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"Installing {name}", total=count)
        yield folder, lambda: bar.advance(task)
        bar.update(task, completed=count)
    (folder / DONE).touch()


def _pip(pip: list[str], lock: Path, advance: Advance, *options: str) -> None:
    """What the lock pins is installed, wheels only."""
    command = [*pip, "install", "--progress-bar", "off", "--disable-pip-version-check"]
    command += ["--require-hashes", "--only-binary", ":all:", "--requirement", str(lock)]
    _run([*command, *options], counting="Collecting ", advance=advance)


def _run(
    command: list[str],
    *,
    folder: Path = ROOT,
    counting: str = "",
    advance: Advance | None = None,
) -> None:
    """The program has done its work; each line with that text in it was a step."""
    said: list[str] = []
    with subprocess.Popen(  # noqa: S603  # our own interpreter, pip of a venv of ours, npm
        command,
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if advance is not None and counting in line:
                advance()
    if process.returncode:
        last = "".join(said)[-SAID:]
        raise Unavailable(f"{' '.join(command[:3])} did not succeed. It said:\n{last}")
