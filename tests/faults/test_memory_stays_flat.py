"""Many short streamed calls: the proxy keeps neither memory nor sockets of them."""

from __future__ import annotations

import statistics
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from adapters.bench.load import Load, drive
from tests.faults.reckoning import tell
from tests.journeys.data_plane import running
from tests.journeys.plane import DataPlane, TestBot, chat_body, new_model
from tests.journeys.proxy_process import until

CONNECTIONS = 16  # as many to the vendor stay open, idle
POOLED = 8  # connections to the database, opened when they are needed
SLICE_SECONDS = 0.5  # then every connection is closed, and the next ones are new
PARTS = 10
MOST_GROWTH = 1.05  # of the last third over the second
KIB = 1024


@pytest.mark.parametrize(
    "calls",
    [
        6000,
        pytest.param(1_000_000, marks=[pytest.mark.soak, pytest.mark.timeout(3 * 3600)]),
    ],
)
def test_resident_memory_and_open_sockets_stay_where_they_were(
    database_url: str, calls: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(database_url, fast=True) as plane:
        pid, request = plane.proxy.pid, streamed(plane, plane.new_bot())
        at_rest = open_sockets(pid)
        driven(plane, request, calls // PARTS)  # it warms up
        resident = []
        for _ in range(PARTS):
            driven(plane, request, calls // PARTS)
            resident.append(resident_bytes(pid))
        until(lambda: open_sockets(pid) <= at_rest + CONNECTIONS + POOLED)
        left = open_sockets(pid) - at_rest
    per_call = statistics.linear_regression(range(PARTS), resident).slope * PARTS / calls
    before, after = statistics.mean(resident[4:7]), statistics.mean(resident[7:])
    with capsys.disabled():  # `make soak` shows them
        shown = ", ".join(f"{size / KIB**2:.1f}" for size in resident)
        tell(f"{calls} streams: {shown} MiB, {per_call:.0f} bytes a call, {left} sockets")
    assert after < before * MOST_GROWTH


def streamed(plane: DataPlane, bot: TestBot) -> bytes:
    """The request for a short stream, byte by byte."""
    body = orjson.dumps(chat_body(new_model("+tokens=8"), stream=True))
    head = (
        f"POST {urlsplit(plane.url).path}/openai/v1/chat/completions HTTP/1.1\r\n"
        f"host: {urlsplit(plane.url).netloc}\r\n"
        f"authorization: Bearer {bot.token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def driven(plane: DataPlane, request: bytes, calls: int) -> None:
    """At least so many calls were answered with 200, and none otherwise."""
    port, done = urlsplit(plane.url).port, 0
    assert port is not None
    load = Load(port=port, request=request, connections=CONNECTIONS, seconds=SLICE_SECONDS)
    while done < calls:
        outcome = drive(load, lambda: None)
        assert (outcome.failed, outcome.abandoned) == (0, 0)
        done += outcome.completed


def resident_bytes(pid: int) -> int:
    """What of the process is in memory (proc(5), `VmRSS`)."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * KIB


def open_sockets(pid: int) -> int:
    count = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            count += link.readlink().name.startswith("socket:")
    return count
