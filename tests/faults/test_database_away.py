"""While PostgreSQL is away nothing is called and nothing is lost; then all goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psycopg
import pytest

from adapters.postgres.recorder import LOCKS
from domain.calls import CallAdmitted, CallRefused, CallSettled
from domain.log import CALLS
from domain.usage import UsageSource
from proxy.settlement import HOLD_SECONDS
from tests.databases import url_of
from tests.faults.load import answers
from tests.faults.reckoning import reckon
from tests.journeys.plane import DataPlane, TestBot, chat_body, new_model
from tests.journeys.proxy_process import until

ANSWERED_WITHIN = 2.0
HEALED_WITHIN = 10.0


@contextmanager
def away(server: str, plane: DataPlane) -> Iterator[None]:
    """Nobody can connect to the plane's database, and nobody is connected."""
    name = plane.database_url.rpartition("/")[2]
    with psycopg.connect(url_of(server, "postgres"), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        admin.execute(end, (name,))
        try:
            yield
        finally:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())


@contextmanager
def blocked(_: str, plane: DataPlane) -> Iterator[None]:
    """The database answers, but nobody can write to the calls log."""
    with psycopg.connect(plane.database_url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (LOCKS[CALLS],))
        yield


@pytest.mark.parametrize("outage", [away, blocked])
def test_calls_are_refused_in_time_and_nothing_goes_upstream(
    own_plane: DataPlane, database_server: str, outage: object
) -> None:
    """For longer than a proxy believes what it last read (5 s)."""
    bot = own_plane.new_bot()
    assert own_plane.chat(bot, new_model()).status_code == 200
    assert callable(outage)
    with outage(database_server, own_plane):
        got = answers(own_plane, bot, seconds=7)
        assert len(own_plane.ledger()) == 1
        back = time.monotonic()
    assert {status for status, _ in got} == {503}
    assert max(took for _, took in got) < ANSWERED_WITHIN
    until(lambda: own_plane.chat(bot, new_model()).status_code == 200)
    assert time.monotonic() - back < HEALED_WITHIN
    until(lambda: _is_closed(own_plane, bot))
    reckon(own_plane, [])


def _is_closed(plane: DataPlane, bot: TestBot) -> bool:
    kinds = [type(recorded.event) for recorded in plane.events(bot)]
    return kinds.count(CallAdmitted) == kinds.count(CallSettled)


def test_the_end_of_a_stream_waits_for_the_database_to_come_back(
    own_plane: DataPlane, database_server: str
) -> None:
    bot, model = own_plane.new_bot(), new_model("+tokens=20+pace=50")
    pieces: list[bytes] = []
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read, own_plane, bot, model, pieces)
        until(lambda: bool(pieces))
        with away(database_server, own_plane):
            until(lambda: bool(own_plane.ledger(model)))
            time.sleep(3)
            assert b"[DONE]" not in b"".join(pieces)
        reading.result(timeout=10)
    assert b"[DONE]" in b"".join(pieces)
    assert own_plane.only(bot, CallSettled).usage.output_tokens == 20


def test_a_stream_is_cut_after_ten_seconds_and_settled_when_the_database_is_back(
    own_plane: DataPlane, database_server: str
) -> None:
    bot, model = own_plane.new_bot(), new_model("+tokens=20+pace=20")
    pieces: list[bytes] = []
    with ThreadPoolExecutor(1) as pool:
        reading: Future[None] = pool.submit(read, own_plane, bot, model, pieces)
        until(lambda: bool(pieces))
        with away(database_server, own_plane):
            until(lambda: bool(own_plane.ledger(model)))
            ended = time.monotonic()
            with pytest.raises(httpx.RemoteProtocolError):
                reading.result(timeout=HOLD_SECONDS + 5)
            assert time.monotonic() - ended > HOLD_SECONDS - 1
    assert b"[DONE]" not in b"".join(pieces)
    own_plane.ended(bot)
    settled = own_plane.only(bot, CallSettled)
    assert settled.usage.source is UsageSource.REPORTED
    assert settled.usage.output_tokens == 20


def read(plane: DataPlane, bot: TestBot, model: str, pieces: list[bytes]) -> None:
    with plane.client.stream(
        "POST",
        f"{plane.url}/openai/v1/chat/completions",
        json=chat_body(model, stream=True),
        headers=bot.bearer,
    ) as answer:
        pieces.extend(answer.iter_raw())


def test_a_refusal_that_cannot_be_recorded_is_not_given(
    own_plane: DataPlane, database_server: str
) -> None:
    bot = own_plane.new_bot()
    assert own_plane.chat(bot, new_model()).status_code == 200
    refused = f"{own_plane.url}/openai/v1/organization/users"
    with blocked(database_server, own_plane):
        began = time.monotonic()
        assert own_plane.client.get(refused, headers=bot.bearer).status_code == 503
        assert time.monotonic() - began < ANSWERED_WITHIN
    assert own_plane.client.get(refused, headers=bot.bearer).status_code == 403
    assert own_plane.only(bot, CallRefused).code == "path-not-allowed"
