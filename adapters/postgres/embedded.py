"""Our own PostgreSQL: a real server, started beside us, its files in the data folder.

It listens on 127.0.0.1 and on a unix socket in a folder of its own, knows one role
(`clawbot`, the owner, with a random password), commits with fsync and checks its pages.
It ends when this process ends, however that happens, and it is adopted, not started
again, when it is already running. Linux only: everywhere else set DATABASE_URL.
"""

from __future__ import annotations

import random
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Self

import psycopg

from adapters.postgres.binaries import Binaries, copy_of_wheel, find_binaries
from adapters.postgres.data_folder import ENVIRONMENT, OWNER, DataFolder
from adapters.postgres.memory_share import buffers_mb
from adapters.postgres.running import anybody_lives_in, forget_reused_pid, running_server
from adapters.postgres.server_account import ServerAccount, existing, server_account
from adapters.postgres.tied_process import TiedProcess
from domain.errors import BadSetup, Unavailable

HOST = "127.0.0.1"
_READY_SECONDS = 120.0  # recovery after a crash is part of it
_LEAVE_SECONDS = 30.0
_FAST_STOP_SECONDS, _LAST_STOP_SECONDS = 60.0, 15.0
_LOOK_EVERY_SECONDS = 0.01
# Below the ports that Linux hands to outgoing connections, which would take ours by chance.
_FIRST_PORT, _LAST_PORT = 15432, 32000

_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_error_verbosity": "terse",  # a message's DETAIL quotes rows
}


class EmbeddedPostgres:
    """One server in one data folder. Use it from one thread at a time; any may start it."""

    def __init__(
        self, data_dir: Path, *, bin_dir: Path | None = None, port: int | None = None
    ) -> None:
        """`data_dir` is the server's alone; without `port` one is chosen and remembered."""
        self._folder = DataFolder(data_dir)
        self._bin_dir = bin_dir
        self._port = port
        self._own: TiedProcess | None = None
        self._url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The owner's URL, once started; it holds the password."""
        return self._url

    def start(self) -> str:
        """The server answers at the URL returned; harmless when it does, and after a crash.

        Raises BadSetup, with nothing changed, when that cannot be, and Unavailable when
        the server does not get ready in time.
        """
        if sys.platform != "linux":
            raise BadSetup("the embedded PostgreSQL needs Linux: set DATABASE_URL")
        binaries = find_binaries(self._bin_dir)
        account = server_account()
        self._folder.check(account, binaries)
        if not self._folder.cluster.exists():
            self._chosen_port()
        account = existing(account)
        with self._folder.locked(account):
            self._folder.check(account, binaries)
            adopted = self._adopt()
            if self._own is not None and not self._own.alive:
                self._own = None
            if not adopted:
                self._wait_until_left()
                self._run(account, self._within_reach(account, binaries))
        return self._url

    def poll(self) -> bool:
        """Whether the server is alive."""
        if self._own is not None:
            return self._own.alive
        return bool(self._url) and running_server(self._folder.cluster) is not None

    def stop(self) -> None:
        """The server we started has ended cleanly; an adopted one runs on."""
        own, self._own, self._url = self._own, None, ""
        if own is None or own.end(signal.SIGINT, seconds=_FAST_STOP_SECONDS):
            return
        if not own.end(signal.SIGQUIT, seconds=_LAST_STOP_SECONDS):
            own.end(signal.SIGKILL, seconds=_LAST_STOP_SECONDS)

    def _adopt(self) -> bool:
        """Whether one was running and serves; one that is on its way out is waited for."""
        deadline = time.monotonic() + _READY_SECONDS
        while (server := running_server(self._folder.cluster)) is not None:
            if server.port is not None and self._answers(server.port):
                return True
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"the PostgreSQL that runs in {self._folder.cluster} (process "
                    f"{server.pid}) does not answer"
                )
            time.sleep(_LOOK_EVERY_SECONDS)
        return False

    def _wait_until_left(self) -> None:
        """No process of an earlier server is left; after a crash they take a moment."""
        deadline = time.monotonic() + _LEAVE_SECONDS
        while anybody_lives_in(self._folder.cluster):
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"an earlier server's processes stay in {self._folder.cluster}"
                )
            time.sleep(_LOOK_EVERY_SECONDS)
        forget_reused_pid(self._folder.cluster)

    def _within_reach(self, account: ServerAccount, binaries: Binaries) -> Binaries:
        if account.first_closed(binaries.folder) is None:
            return binaries
        return copy_of_wheel(binaries, self._folder.path)

    def _run(self, account: ServerAccount, binaries: Binaries) -> None:
        port = self._chosen_port()
        self._folder.prepare(account, binaries)
        if self._port is None:
            self._folder.remember_port(port, account)
        with self._folder.open_log() as log:
            self._own = TiedProcess(
                self._command(binaries, port), ids=account.ids, env=ENVIRONMENT, log=log
            )
        try:
            self._wait_until_ready(self._own, port)
        except BaseException:
            self.stop()
            raise

    def _wait_until_ready(self, own: TiedProcess, port: int) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers(port):
            if not own.alive:
                raise BadSetup(
                    f"PostgreSQL ended at once (exit code {own.exit_code}), "
                    f"{self._folder.log_says()}"
                )
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"PostgreSQL is not ready after {_READY_SECONDS:.0f} s, "
                    f"{self._folder.log_says()}"
                )
            time.sleep(_LOOK_EVERY_SECONDS)

    def _answers(self, port: int) -> bool:
        """Whether the owner can connect; if so our database exists and our URL is known."""
        address = _address(self._folder.password(), port)
        try:
            with psycopg.connect(
                f"{address}/postgres", autocommit=True, connect_timeout=5
            ) as connection:
                query = "SELECT FROM pg_database WHERE datname = %s"
                if connection.execute(query, (OWNER,)).fetchone() is None:
                    connection.execute("CREATE DATABASE clawbot")
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise BadSetup(
                    f"the password in {self._folder.password_file} is not the database's: "
                    "put the right one back"
                ) from error
            return False
        self._url = f"{address}/{OWNER}"
        return True

    def _command(self, binaries: Binaries, port: int) -> list[str]:
        sockets = str(self._folder.sockets).replace('"', '""')
        settings = {
            **_SETTINGS,
            "port": str(port),
            "shared_buffers": f"{buffers_mb()}MB",
            "unix_socket_directories": f'"{sockets}"',
        }
        if binaries.has_library("pg_stat_statements"):
            settings["shared_preload_libraries"] = "pg_stat_statements"
        command = [str(binaries.folder / "postgres"), "-D", str(self._folder.cluster)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return command

    def _chosen_port(self) -> int:
        """The port given, remembered or free, in this order; BadSetup when it is taken."""
        port = self._port or self._folder.remembered_port()
        if port is None:
            candidates = random.sample(range(_FIRST_PORT, _LAST_PORT), 100)
            return next(candidate for candidate in candidates if _is_free(candidate))
        if not _is_free(port):
            raise BadSetup(
                f"port {port} on {HOST}, meant for the database, is taken by another "
                "program: stop that one, or choose another port"
                + ("" if self._port else f" by deleting {self._folder.port_file}")
            )
        return port


def owner_url(password: str, port: int) -> str:
    """The URL under which the owner of the database reaches a server that runs."""
    return f"{_address(password, port)}/{OWNER}"


def _address(password: str, port: int) -> str:
    return f"postgresql://{OWNER}:{password}@{HOST}:{port}"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
