"""Streams that stay open are timed piece by piece, and none gets lost unseen."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.bench import open_streams
from adapters.bench.asking import bearer, paced_call
from adapters.bench.open_streams import Flow, OpenLoad, flow
from adapters.bench.paced import SPACING_SECONDS
from adapters.bench.running import free_port, running
from tests.adapters.bench.little_server import little_server

STREAMS, PIECES, SECONDS = 20, 10, 0.5


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    folder: Path = tmp_path_factory.mktemp("paced")
    command = [sys.executable, "-m", "adapters.bench.paced", str(port)]
    with running(command, port, folder, {}):
        yield port


def flowed(port: int, *, asked: int = PIECES) -> Flow[float]:
    load = OpenLoad(
        port=port,
        request=paced_call("/v1/chat/completions", bearer("x"), pieces=asked),
        streams=STREAMS,
        pieces=PIECES,
        seconds=SECONDS,
    )
    return flow(load, time.perf_counter)


def test_every_piece_comes_and_is_timed_once(upstream: int) -> None:
    came = flowed(upstream)
    assert came.broken == 0
    assert came.whole >= STREAMS * 3
    assert came.events == came.whole * (PIECES + 3)
    expected = STREAMS * SECONDS / SPACING_SECONDS
    assert 0.3 * expected < len(came.delays) < 1.1 * expected
    assert all(0 <= delay < SECONDS for delay in came.delays)
    assert 0.98 * SECONDS <= came.after - came.before < 4 * SECONDS


def test_a_stream_that_is_short_of_a_piece_is_broken(upstream: int) -> None:
    came = flowed(upstream, asked=PIECES - 1)
    assert (came.whole, came.broken) == (0, STREAMS)


def test_a_stream_that_never_ends_is_broken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_streams, "DRAIN_SECONDS", 0.1)
    with little_server(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nno") as server:
        came = flowed(server.port)
    assert (came.whole, came.broken) == (0, STREAMS)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"])
def test_a_server_that_refuses_or_hangs_up_is_counted(answer: bytes) -> None:
    with little_server(answer) as server:
        came = flowed(server.port)
    assert (came.whole, came.broken) == (0, STREAMS)
