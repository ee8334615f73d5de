"""The sealer keeps up with the logs, and a verifier with the sealer.

In `make test` the counts are small and the limits wide; `make soak` measures.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

from adapters.postgres.recorder import PostgresRecorder
from adapters.sealing.signer import Signer
from tests.adapters.jobs.given import eventually
from tests.adapters.sealing.given import ask, export, opened, seal_all, signing
from tests.faults.reckoning import tell
from tests.faults.test_kill_sealer import a_sealer
from verifier.verify_log import INTACT, lines_of, verify

SOAK = [pytest.mark.soak, pytest.mark.timeout(1800)]
STATE = (
    b'{"at":"2026-11-22T12:00:00.123456+00:00","actor":"bot:%b","team_id":"%b",'
    b'"correlation_id":"c","causation_id":"d","event":{"text":"%b"}}'
)
TEAMS = [str(uuid4()).encode() for _ in range(20)]


def a_call(number: int) -> StoredEvent:
    """As large as a settled call."""
    team = TEAMS[number % len(TEAMS)]
    return StoredEvent(
        originator_id=uuid4(),
        originator_version=1,
        topic="call.settled",
        state=STATE % (team, team, b"x" * 600),
    )


def seen_sealed(url: str, over: threading.Event) -> list[tuple[int, float]]:
    """Positions that the sealer reached, and when it was seen there."""
    seen = [(0, 0.0)]
    with psycopg.connect(url, autocommit=True) as connection:
        while not over.wait(0.002):
            row = connection.execute("SELECT calls_position FROM log_state").fetchone()
            if row is not None and row[0] > seen[-1][0]:
                seen.append((row[0], time.monotonic()))
    return seen


@pytest.mark.parametrize(
    ("seconds", "limit_ms"),
    [pytest.param(4, 2000, id="short"), pytest.param(60, 250, marks=SOAK, id="a minute")],
)
def test_what_is_recorded_is_sealed_at_once_at_two_thousand_events_a_second(
    database_url: str, seconds: int, limit_ms: int, capsys: pytest.CaptureFixture[str]
) -> None:
    batch, every = 50, 0.025
    written: list[tuple[int, float]] = []
    over = threading.Event()
    with (
        a_sealer(database_url),
        opened(database_url, "clawbot_proxy") as database,
        ThreadPoolExecutor(1) as pool,
    ):
        recorder = PostgresRecorder(database, "calls")
        recorder.insert_events([a_call(0)])
        eventually(lambda: ask(database_url, "SELECT size FROM log_state") == [(1,)])
        watching = pool.submit(seen_sealed, database_url, over)
        began = time.monotonic()
        for turn in range(int(seconds / every)):
            time.sleep(max(0, began + turn * every - time.monotonic()))
            positions = recorder.insert_events([a_call(n) for n in range(batch)])
            now = time.monotonic()
            written += [(position, now) for position in positions]
        took = time.monotonic() - began
        last = written[-1][0]
        eventually(
            lambda: ask(database_url, "SELECT calls_position FROM log_state") == [(last,)]
        )
        over.set()
        seen = watching.result()
    assert all(one < two for one, two in pairwise(position for position, _ in seen))
    reached = [position for position, _ in seen]
    lags = [
        max(0.0, seen[bisect_left(reached, position)][1] - at) for position, at in written
    ]
    p99 = quantiles(lags, n=100)[98] * 1000
    with capsys.disabled():
        tell(
            f"sealing lag at {len(written) / took:.0f} events/s for {took:.0f} s: "
            f"p50 {quantiles(lags, n=2)[0] * 1000:.0f} ms, p99 {p99:.0f} ms, "
            f"longest {max(lags) * 1000:.0f} ms"
        )
    assert p99 <= limit_ms


@pytest.mark.parametrize(
    ("count", "limit"),
    [
        pytest.param(5_000, 10, id="some"),
        pytest.param(1_000_000, 30, marks=SOAK, id="a million"),
    ],
)
def test_many_events_are_sealed_and_verified_soon(
    database_url: str,
    tmp_path: Path,
    count: int,
    limit: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO calls_events (originator_id, originator_version, topic, state) "
            "SELECT gen_random_uuid(), 1, 'call.settled', convert_to(replace(replace(%s, "
            "'TEAM', (%s::text[])[1 + n %% 20]), 'N', n::text), 'UTF8') "
            "FROM generate_series(1, %s) AS n",
            (
                (STATE % (b"TEAM", b"TEAM", b"N" + b"x" * 600)).decode(),
                [team.decode() for team in TEAMS],
                count,
            ),
        )
    began = time.monotonic()
    assert seal_all(database_url) == count
    sealed = time.monotonic()
    with signing(database_url, tmp_path / "signer") as signer:
        assert isinstance(signer, Signer)
        signer.turn()
    bundle = export(database_url, tmp_path / "bundle")
    exported = time.monotonic()
    used = time.process_time()  # whoever else uses the machine
    said, code = verify(lines_of(bundle))
    used, took = time.process_time() - used, time.monotonic() - exported
    with capsys.disabled():
        tell(
            f"{count} events: sealed in {sealed - began:.1f} s, exported in "
            f"{exported - sealed:.1f} s, verified in {took:.1f} s, {used:.1f} s of CPU"
        )
    assert (code, said.split()[1]) == (INTACT, str(count)), said
    assert used <= limit
