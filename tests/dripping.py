"""A server whose answer's head never ends: a byte comes often enough for any read limit."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

OFTEN = 0.02  # seconds


@contextmanager
def dripping() -> Iterator[str]:
    """Its URL, on loopback; it serves one caller."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        thread = threading.Thread(target=_drip, args=(listener, over))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


def _drip(listener: socket.socket, over: threading.Event) -> None:
    caller, _ = listener.accept()
    with caller, suppress(OSError):
        caller.sendall(b"HTTP/1.1 200 OK\r\nx-long: ")
        while not over.wait(OFTEN):
            caller.sendall(b"a")
