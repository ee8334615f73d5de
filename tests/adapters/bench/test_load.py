"""The generator counts what a real server answered: no call more, none less."""

from __future__ import annotations

import time

import pytest

from adapters.bench import load
from adapters.bench.load import Load, Outcome, drive
from tests.adapters.bench.little_server import LittleServer, little_server

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
STREAM = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"9\r\ndata: 1\n\n\r\n12\r\ndata: 2\n\ndata: 3\n\n\r\n0\r\n\r\n"
)
REFUSED = b"HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\nno"
REQUEST = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"


def driven(
    server: LittleServer, *, connections: int = 4, seconds: float = 0.2
) -> Outcome[float]:
    asked = Load(
        port=server.port, request=REQUEST, connections=connections, seconds=seconds
    )
    return drive(asked, time.perf_counter)


def test_what_it_counts_is_what_the_server_answered() -> None:
    with little_server(PLAIN, EMPTY) as server:
        outcome = driven(server)
    assert outcome.completed == server.answered > 20
    assert outcome.completed - 4 <= outcome.in_time <= outcome.completed
    assert len(outcome.latencies) == outcome.in_time
    assert (outcome.failed, outcome.abandoned) == (0, 0)
    assert server.connections == 4


def test_it_ends_when_the_time_is_up() -> None:
    with little_server(PLAIN) as server:
        began = time.perf_counter()
        outcome = driven(server, seconds=0.3)
        assert time.perf_counter() - began < 1
    assert 0.29 <= outcome.seconds < 0.6
    assert 0.29 <= outcome.after - outcome.before < 0.6
    assert outcome.in_time <= outcome.calls <= outcome.in_time + 4
    assert outcome.per_second == outcome.calls / outcome.seconds
    assert 0 < sum(outcome.latencies) < 5 * outcome.seconds  # some calls end after the time


def test_what_is_answered_in_the_lead_is_done_and_not_counted() -> None:
    with little_server(PLAIN) as server:
        load = Load(port=server.port, request=REQUEST, connections=2, seconds=0.2, lead=0.4)
        outcome = drive(load, time.perf_counter)
    assert outcome.completed == server.answered
    assert 0 < outcome.in_time < 0.7 * outcome.completed
    assert 0.19 <= outcome.after - outcome.before < 0.4
    assert len(outcome.latencies) == outcome.in_time


def test_slow_calls_count_as_far_as_they_lie_within_the_seconds() -> None:
    """Four at once, half a second each, in a window that ends amid the second ones."""
    with little_server(PLAIN, seconds=0.5) as server:
        outcome = driven(server, seconds=0.75)
    assert (outcome.in_time, outcome.completed) == (4, 8)
    assert outcome.calls == pytest.approx(6, abs=1)
    assert outcome.per_second == pytest.approx(8, rel=0.2)


def test_a_call_that_is_not_waited_for_is_abandoned_and_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load, "DRAIN_SECONDS", 0.1)
    with little_server(PLAIN, seconds=1) as server:
        outcome = driven(server)
    assert (outcome.abandoned, outcome.failed, outcome.completed) == (4, 0, 0)


def test_the_events_of_streams_are_counted() -> None:
    with little_server(STREAM) as server:
        outcome = driven(server)
    assert outcome.events == pytest.approx(3 * outcome.calls)
    assert outcome.calls > 1
    pairs = zip(outcome.first_bytes, outcome.latencies, strict=True)
    assert all(0 < first <= last for first, last in pairs)


def test_another_status_than_200_is_a_failure_and_no_call() -> None:
    with little_server(PLAIN, PLAIN, REFUSED) as server:
        outcome = driven(server, connections=1)
    assert (outcome.completed, outcome.failed) == (2, 1)


def test_a_server_that_hangs_up_is_a_failure() -> None:
    with little_server(b"") as server:
        outcome = driven(server, connections=3)
    assert (outcome.completed, outcome.failed, outcome.abandoned) == (0, 3, 0)


def test_an_answer_that_is_none_is_a_failure() -> None:
    with little_server(b"Who are you?\r\n\r\n") as server:
        outcome = driven(server, connections=1)
    assert (outcome.completed, outcome.failed) == (0, 1)
