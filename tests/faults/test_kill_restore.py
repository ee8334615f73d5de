"""kill -9 of `clawbot restore`: nothing starts on what it left, and it can be run again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.postgres.migrator import pending
from domain.errors import BadSetup
from tests.adapters.sealing.given import ask, seal_all, write
from tests.api.cli.running import A_KEY, clawbot, environment
from tests.databases import new_database, url_of

EVENTS = "SELECT count(*), max(notification_id) FROM calls_events"
MARKED = "SELECT to_regclass('restore_under_way') IS NOT NULL"
ROUNDS = 12


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_killed_restore_leaves_nothing_that_starts(
    database_url: str, database_server: str, tmp_path: Path
) -> None:
    write(database_url, some_calls=2000)
    seal_all(database_url)
    told = {"DATABASE_URL": database_url, "BOT_MASTER_KEY": A_KEY}
    assert clawbot("backup", "--out", "b.zip", folder=tmp_path, **told).returncode == 0
    chance = random.Random(7)
    with new_database(database_server) as name:
        url = url_of(database_server, name)
        command = [sys.executable, "-P", "-m", "api.cli.main", "restore", "b.zip"]
        halves = 0
        for _ in range(ROUNDS):
            restore = subprocess.Popen(
                command, cwd=tmp_path, env=environment(tmp_path, DATABASE_URL=url)
            )
            while ask(url, MARKED) == [(False,)] and restore.poll() is None:
                time.sleep(0.05)
            with suppress(subprocess.TimeoutExpired):
                restore.wait(chance.uniform(0, 2))
            restore.send_signal(signal.SIGKILL)
            if restore.wait() == 0:
                break
            while ask(url, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"):
                time.sleep(0.1)  # its server processes notice
            if ask(url, MARKED) == [(True,)]:
                halves += 1
                with pytest.raises(BadSetup, match="has not ended"):
                    pending(url)
        if restore.returncode != 0:
            last = clawbot("restore", "b.zip", folder=tmp_path, DATABASE_URL=url)
            assert last.returncode == 0, last.stderr
        assert halves > 0
        assert ask(url, EVENTS) == ask(database_url, EVENTS)
