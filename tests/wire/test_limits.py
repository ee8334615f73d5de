"""E2: size, count and time of what is sent are held while it is read."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from adapters.http import HttpLimits, Peers
from tests.wire.conftest import Served, Server
from tests.wire.raw import SECONDS, Heard, connected, hear_one, listen, request, say
from tests.wire.test_smuggling import good_call

MIB = 1024 * 1024
MOST_GROWTH = 64 * MIB
PIECE = b"a" * 65536


def filled(size: int) -> bytes:
    """A request whose head is exactly so long."""
    empty = request(b"x-a: ")
    return request(b"x-a: " + b"a" * (size - len(empty)))


def target(size: int) -> bytes:
    return request(line=b"GET /health?" + b"a" * (size - len("/health?")) + b" HTTP/1.1")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (filled(32 * 1024), 200),
        (filled(32 * 1024 + 1), 431),
        (request(*[b"x-a: 1"] * 99), 200),
        (request(*[b"x-a: 1"] * 100), 431),
        (target(8 * 1024), 200),
        (target(8 * 1024 + 1), 414),
        (b"GET /" + b"a" * 9000, 414),  # its line does not even end
        (b"GET / HTTP/1.1\r\nx-a: " + b"a" * 40_000, 431),  # nor does this head
    ],
    ids=lambda value: value if isinstance(value, int) else value[:20],
)
def test_a_head_within_the_limits_is_served_and_one_beyond_is_not(
    sent: bytes, status: int, port: int
) -> None:
    with connected(port) as line:
        line.sendall(sent)
        heard = hear_one(line)
        assert heard.statuses == [status]
        assert listen(line, seconds=0.2 if status == 200 else SECONDS).closed == (
            status != 200
        )


@pytest.mark.parametrize("server", ["proxy", "api"])
@pytest.mark.parametrize(
    ("beginning", "piece", "status"),
    [
        (b"GET /", PIECE, 414),
        (b"GET / HTTP/1.1\r\nx-a: ", PIECE, 431),
        (b"GET / HTTP/1.1\r\n", b"x-a: 1\r\n" * 8192, 431),
    ],
)
def test_30_mib_of_head_cost_no_memory(
    beginning: bytes, piece: bytes, status: int, server: str, served: Served
) -> None:
    process = served.servers[server]
    before = process.resident_bytes
    heard = say(process.port, beginning, *[piece] * (30 * MIB // len(piece)))
    assert process.resident_bytes - before < MOST_GROWTH / 8
    assert heard.statuses in ([status], [])  # a client that never listens may miss it
    assert heard.closed


def test_a_head_that_does_not_end_is_ended(served: Served) -> None:
    with connected(served.servers["hasty"].port) as line:
        began = time.monotonic()
        line.sendall(b"GET /health HTTP/1.1\r\n")
        heard = listen(line)
        assert heard.statuses == [408]
        assert heard.closed
        assert 0.9 < time.monotonic() - began < 3


def test_a_head_that_drips_gets_no_more_time_for_it(served: Served) -> None:
    drips = [bytes([byte]) for byte in request(b"x-a: " + b"a" * 100)]
    heard = say(served.servers["hasty"].port, *drips, pause=0.03)
    assert heard.statuses == [408]


@pytest.mark.parametrize("asked", [0, 1])
def test_a_connection_that_says_nothing_is_closed_without_a_word(
    asked: int, served: Served
) -> None:
    with connected(served.servers["hasty"].port) as line:
        for _ in range(asked):
            line.sendall(request())
            assert hear_one(line).statuses == [200]
        began = time.monotonic()
        assert listen(line) == Heard(data=b"", closed=True)
        assert 0.8 < time.monotonic() - began < 3


def test_200_slow_connections_at_once_do_not_keep_anybody_waiting(served: Served) -> None:
    port = served.servers["hasty"].port
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(port)) for _ in range(200)]
        for line in slow:
            line.sendall(b"POST /health HTTP/1.1\r\nhost: local")
        began = time.monotonic()
        assert say(port, request(b"connection: close")).statuses == [200]
        called = say(port, good_call(served, b"slow", b"connection: close"))
        assert called.statuses == [200]
        assert time.monotonic() - began < 1
        for line in slow:
            heard = listen(line, seconds=5)
            assert (heard.statuses, heard.closed) == ([408], True)


@pytest.mark.parametrize(
    ("piece", "pause"), [(b"a", 0.1), (b"a" * 200, 0.1)], ids=["a drip", "too long"]
)
def test_a_body_below_the_floor_or_beyond_its_time_is_ended(
    piece: bytes, pause: float, served: Served
) -> None:
    opening = good_call(served, b"").partition(b"\r\n\r\n")[0]
    opening = opening.replace(b"content-length: ", b"content-length: 99") + b"\r\n\r\n"
    began = time.monotonic()
    with connected(served.servers["hasty"].port) as line:
        line.sendall(opening)
        line.settimeout(pause)
        heard = b""
        while not heard and time.monotonic() - began < SECONDS:
            line.sendall(piece)
            try:
                heard = line.recv(65536)
            except TimeoutError:
                continue
        assert b" 408 " in heard
        assert b'"too-slow"' in heard
    took = time.monotonic() - began
    assert took < 1.5 if len(piece) == 1 else 2.5 < took < 5


def test_a_client_that_takes_nothing_is_cut_off_and_its_call_settled(
    served: Served,
) -> None:
    bot = served.plane.new_bot()
    call = good_call(served, b"big").replace(served.bot.token.encode(), bot.token.encode())
    with connected(served.servers["hasty"].port) as line:
        line.sendall(call)
        served.plane.ended(bot)
        time.sleep(2.5)  # past write_seconds
        heard = listen(line)
        assert heard.closed
        assert len(heard.body) < 8 * MIB


def test_beyond_so_many_connections_the_next_is_told_so(served: Served) -> None:
    port = served.servers["hasty"].port
    with ExitStack() as stack:
        lines = [stack.enter_context(connected(port)) for _ in range(310)]
        told = [listen(line, seconds=0.3) for line in lines[305:]]
        assert [(heard.statuses, heard.closed) for heard in told] == [([503], True)] * 5
    time.sleep(0.2)
    assert say(port, request(b"connection: close")).statuses == [200]


def test_one_peer_gets_no_more_than_its_share() -> None:
    peers = Peers(HttpLimits(connections=10, connections_per_peer=2))
    entered = [peers.enter("192.0.2.1") for _ in range(3)]
    assert entered == ["192.0.2.1", "192.0.2.1", None]
    assert peers.enter("192.0.2.2") is not None
    peers.leave("192.0.2.1")
    assert peers.enter("192.0.2.1") is not None


def test_a_peer_is_its_whole_ipv6_network() -> None:
    peers = Peers(HttpLimits(connections_per_peer=1))
    assert peers.enter("2001:db8::1") is not None
    assert peers.enter("2001:db8::2:3%eth0") is None
    assert peers.enter("2001:db8:0:1::1") is not None
    assert peers.enter("::ffff:192.0.2.1") is not None
    assert peers.enter("192.0.2.1") is None


def test_this_machine_may_bring_everybodys_connections_but_not_more_than_all() -> None:
    peers = Peers(HttpLimits(connections=3, connections_per_peer=1))
    entered = [peers.enter(host) for host in ("127.0.0.1", "127.0.0.1", "::1", "::1")]
    assert [one is not None for one in entered] == [True, True, True, False]


def test_there_are_files_for_all_connections(served: Served) -> None:
    for name, connections in (("proxy", 2000), ("api", 2000)):
        assert _open_files(served.servers[name]) >= 2 * connections


def _open_files(server: Server) -> int:
    for line in Path(f"/proc/{server.pid}/limits").read_text().splitlines():
        if line.startswith("Max open files"):
            return int(line.split()[3])
    raise AssertionError
