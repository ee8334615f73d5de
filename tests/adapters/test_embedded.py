"""The embedded PostgreSQL, on the real thing: it is started, killed and refused."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import psycopg
import pytest

from adapters.postgres.binaries import copy_of_wheel, find_binaries
from adapters.postgres.data_folder import DataFolder
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.server_account import ServerAccount
from domain.errors import BadSetup

ROOT = Path(__file__).parents[2]
SECONDS = 20
STRANGER = ServerAccount(name="stranger", uid=4_000_000, gid=4_000_000)

PARENT = """
import sys, time
from pathlib import Path
from adapters.postgres.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
print(server.start(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that another user may enter, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="clawbot-pg-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Path, str]]:
    """A server that tests only look at: its folder and its URL."""
    made = Path(tempfile.mkdtemp(prefix="clawbot-pg-"))
    made.chmod(0o755)
    with EmbeddedPostgres(made / "pg") as server:
        yield made / "pg", server.url
    shutil.rmtree(made)


def test_the_first_start_makes_a_durable_database(running: tuple[Path, str]) -> None:
    names = ("fsync", "synchronous_commit", "data_checksums", "server_encoding")
    shown = {name: one(running[1], f"SELECT current_setting('{name}')") for name in names}
    assert shown == dict(zip(names, ("on", "on", "on", "UTF8"), strict=True))
    assert one(running[1], "SELECT current_database() || current_user") == "clawbotclawbot"
    assert one(running[1], "SELECT current_setting('listen_addresses')") == "127.0.0.1"
    preloaded = one(running[1], "SELECT current_setting('shared_preload_libraries')")
    assert preloaded == "pg_stat_statements"


def test_a_wrong_or_missing_password_is_refused(running: tuple[Path, str]) -> None:
    path, url = running
    wrong = url.replace(str(urlsplit(url).password), "wrong")
    by_socket = f"host={path / 'run'} port={urlsplit(url).port} user=clawbot dbname=clawbot"
    for address in (wrong, f"{by_socket} password=wrong", by_socket):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(address)
    assert one(f"{by_socket} password={urlsplit(url).password}", "SELECT 1") == 1


def test_nobody_else_may_read_its_files(running: tuple[Path, str]) -> None:
    path, _ = running
    names = ("data", "run", "password", "port", "server.log")
    modes = {name: oct((path / name).stat().st_mode & 0o777) for name in names}
    folders, files = dict.fromkeys(names[:2], "0o700"), dict.fromkeys(names[2:], "0o600")
    assert modes == folders | files
    assert not path.stat().st_mode & 0o066


def test_it_runs_as_an_unprivileged_user(running: tuple[Path, str]) -> None:
    path, _ = running
    status = Path(f"/proc/{postmaster(path)}/status").read_text()
    ids = {line.split(":")[0]: line.split()[1:] for line in status.splitlines()}
    owner = str((path / "data").stat().st_uid)
    assert ids["Uid"] == [owner] * 4
    assert "0" not in {owner, *ids["Gid"], *ids["Groups"]}
    assert int(ids["CapEff"][0], 16) == 0


def test_a_running_server_is_adopted_and_left_running(running: tuple[Path, str]) -> None:
    path, url = running
    second, before = EmbeddedPostgres(path), postmaster(path)
    assert second.start() == url
    assert second.poll()
    second.stop()
    assert postmaster(path) == before
    assert one(url, "SELECT 1") == 1


def test_two_starts_at_once_make_one_server(folder: Path) -> None:
    servers = [EmbeddedPostgres(folder / "pg"), EmbeddedPostgres(folder / "pg")]
    with ThreadPoolExecutor() as pool:
        urls = set(pool.map(EmbeddedPostgres.start, servers))
    assert len(urls) == 1
    assert all(server.poll() for server in servers)
    for server in servers:
        server.stop()
    assert not any(server.poll() for server in servers)


def test_committed_rows_survive_a_killed_server(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_MASTER_KEY", "canary")
    path = folder / 'a "folder", with more'
    with EmbeddedPostgres(path) as server:
        url = server.url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (n integer)")
            for n in range(50):
                connection.execute("INSERT INTO kept VALUES (%s)", (n,))
            assert b"canary" not in Path(f"/proc/{postmaster(path)}/environ").read_bytes()
            os.kill(postmaster(path), signal.SIGKILL)
        assert server.start() == url
        assert server.poll()
        assert one(url, "SELECT count(*) FROM kept") == 50
    assert not server.poll()


def test_a_server_ends_when_its_parent_is_killed(folder: Path) -> None:
    path = folder / "pg"
    command = [sys.executable, "-c", PARENT, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        server = postmaster(path)
        parent.kill()
    wait_until_gone(server)
    assert "database system is shut down" in (path / "server.log").read_text()
    with EmbeddedPostgres(path) as later:
        assert later.url == url


def test_a_server_outlives_the_thread_that_started_it(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "pg")
    thread = Thread(target=server.start)
    thread.start()
    thread.join()
    time.sleep(0.3)  # the time a signal from the kernel would need, many times over
    assert server.poll()
    assert one(server.url, "SELECT 1") == 1
    server.stop()


def test_a_stale_pid_file_that_names_another_program_is_no_obstacle(folder: Path) -> None:
    path = folder / "pg"
    with EmbeddedPostgres(path) as server:
        pid_file = path / "data" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        os.kill(postmaster(path), signal.SIGKILL)
        account = (path / "data").stat()
        command = ["sleep", "60"]
        with subprocess.Popen(
            command, user=account.st_uid if os.geteuid() == 0 else None
        ) as other:
            pid_file.write_text("\n".join([str(other.pid), *lines[1:], ""]))
            server.start()
            assert other.poll() is None
            other.kill()
        assert one(server.url, "SELECT 1") == 1


def test_data_of_another_version_is_refused(folder: Path) -> None:
    (folder / "pg" / "data").mkdir(parents=True)
    (folder / "pg" / "data" / "PG_VERSION").write_text("16\n")
    before = everything_in(folder)
    with pytest.raises(BadSetup, match=r"PostgreSQL 16.* are 1[78].*pg_upgrade"):
        EmbeddedPostgres(folder / "pg").start()
    assert everything_in(folder) == before


def test_a_busy_port_is_refused_before_anything_is_made(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadSetup, match=f"port {port} .*choose another"):
            EmbeddedPostgres(folder / "pg", port=port).start()
    assert everything_in(folder) == {}


def test_a_remembered_port_that_is_taken_is_named_with_its_file(folder: Path) -> None:
    with EmbeddedPostgres(folder / "pg") as server:
        port = urlsplit(server.url).port
        server.stop()
        before = everything_in(folder)
        with (
            socket.create_server(("127.0.0.1", port or 0)),
            pytest.raises(BadSetup, match=f"port {port} .*{folder}/pg/port"),
        ):
            server.start()
        assert everything_in(folder) == before
        (folder / "pg" / "port").unlink()
        assert urlsplit(server.start()).port != port


def test_a_folder_of_something_else_is_refused(folder: Path) -> None:
    (folder / "holiday.jpg").write_bytes(b"sea")
    with pytest.raises(BadSetup, match=r"something else \(holiday\.jpg\)"):
        EmbeddedPostgres(folder).start()
    with pytest.raises(BadSetup, match="jpg is not a folder"):
        EmbeddedPostgres(folder / "holiday.jpg").start()
    assert everything_in(folder) == {"holiday.jpg": b"sea"}


def test_a_changed_password_file_is_refused_and_named(folder: Path) -> None:
    path = folder / "pg"
    with EmbeddedPostgres(path) as server:
        right = (path / "password").read_text()
        for wrong, why in (("wrong", "not the database's"), ("\n", "is empty")):
            (path / "password").write_text(wrong)
            with pytest.raises(BadSetup, match=f"{path}/password.*{why}"):
                EmbeddedPostgres(path).start()
        (path / "password").write_text(right)
        assert server.poll()


def test_a_half_made_first_start_is_begun_again(folder: Path) -> None:
    (folder / "pg" / "data.new" / "base").mkdir(parents=True)
    with EmbeddedPostgres(folder / "pg") as server:
        assert one(server.url, "SELECT 1") == 1
    assert not (folder / "pg" / "data.new").exists()


def test_a_folder_that_the_servers_user_cannot_enter_is_named(folder: Path) -> None:
    (folder / "closed").mkdir(mode=0o700)
    path = folder / "closed" / "pg"
    with pytest.raises(BadSetup, match=f"{folder}/closed is closed .*stranger.*chmod"):
        DataFolder(path).check(STRANGER, find_binaries())
    (folder / "closed").chmod(0o711)
    DataFolder(path).check(STRANGER, find_binaries())
    assert everything_in(folder) == {"closed": None}


def test_a_path_too_long_for_a_socket_is_refused(folder: Path) -> None:
    with pytest.raises(BadSetup, match="too long"):
        EmbeddedPostgres(folder / ("x" * 100)).start()


def test_a_bin_folder_without_programs_is_refused(folder: Path) -> None:
    with pytest.raises(BadSetup, match=r"no postgres .*clawbot-manager\[embedded\]"):
        EmbeddedPostgres(folder / "pg", bin_dir=folder).start()
    assert everything_in(folder) == {}


def test_programs_out_of_reach_are_copied_once_and_work(folder: Path) -> None:
    original = find_binaries()
    copy = copy_of_wheel(original, folder)
    marked = folder / f"postgres-{original.version}" / "mark"
    marked.touch()
    assert copy_of_wheel(original, folder) == copy
    assert marked.exists()
    assert (copy.version, STRANGER.first_closed(copy.folder)) == (original.version, None)
    with EmbeddedPostgres(folder / "pg", bin_dir=copy.folder) as server:
        assert one(server.url, "SELECT 1") == 1


def one(url: str, query: str) -> object:
    """The only value of the only row."""
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def postmaster(path: Path) -> int:
    return int((path / "data" / "postmaster.pid").read_text().split()[0])


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + SECONDS
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.02)


def everything_in(folder: Path) -> dict[str, bytes | None]:
    """Each file with its bytes, each folder with None."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }
