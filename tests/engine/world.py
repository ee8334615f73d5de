"""What is around an engine's machine: an internet, a neighbour and a metadata service.

All of it is a second room behind a cable; every address answers on port 80, and the one on
the internet knows any name. Nothing leaves this machine.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tests.engine.room import Room

INTERNET = "9.9.9.9"
LAN = "192.168.77.9"
METADATA = "169.254.169.254"
_NETWORKS = {INTERNET: "9.9.9.1/24", LAN: "192.168.77.1/24", METADATA: "169.254.0.1/16"}


@contextmanager
def world_around(room: Room) -> Iterator[None]:
    """The addresses answer, seen from the room."""
    with ExitStack() as stack:
        world = Room()
        stack.callback(world.close)
        cable = ("type", "veth", "peer", "name", "room", "netns", str(world.first))
        room.run("ip", "link", "add", "world", *cable)
        for theirs, ours in _NETWORKS.items():
            room.run("ip", "address", "add", ours, "dev", "world")
            world.run("ip", "address", "add", f"{theirs}/{ours[-2:]}", "dev", "room")
        room.run("ip", "link", "set", "world", "up")
        world.run("ip", "link", "set", "room", "up")
        room.run("ip", "route", "add", "default", "via", INTERNET)
        with world.inside():
            listening = stack.enter_context(socket.create_server(("0.0.0.0", 80)))
            names = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            names.bind(("0.0.0.0", 53))
        stack.callback(room.run, "ip", "link", "delete", "world")
        with (
            _answering(lambda: _answer_connection(listening), listening),
            _answering(lambda: _answer_name(names), names),
        ):
            yield


@contextmanager
def _answering(answer: Callable[[], None], at: socket.socket) -> Iterator[None]:
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            try:
                answer()
            except TimeoutError:
                continue

    at.settimeout(0.2)
    serving = threading.Thread(target=serve)
    serving.start()
    try:
        yield
    finally:
        is_over.set()
        serving.join()


def _answer_connection(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    connection.close()


def _answer_name(names: socket.socket) -> None:
    """Any name is the internet's one address (RFC 1035, 4.1)."""
    asked, who = names.recvfrom(512)
    end = asked.index(b"\0", 12) + 5  # after the name: its type and class
    wants_v4 = asked[end - 4 : end - 2] == b"\0\1"
    answer = (
        b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(INTERNET) if wants_v4 else b""
    )
    head = asked[:2] + b"\x81\x80\0\1\0" + bytes([wants_v4]) + b"\0\0\0\0"
    names.sendto(head + asked[12:end] + answer, who)
