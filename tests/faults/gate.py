"""A gate in front of a server: while it is shut, the server is away."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Gate:
    """Forwards connections from a port of its own; `shut` cuts them and lets none in."""

    def __init__(self, host: str, port: int) -> None:
        self._behind = (host, port)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._serve()

    def shut(self) -> None:
        """The server is away."""
        # Closing alone would leave the thread that waits in `accept`, and the port open.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        while self._open:
            self._thread.join(0.01)

    def open(self) -> None:
        """It is back, at the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._serve()

    def _serve(self) -> None:
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                coming, _ = self._listener.accept()
            except OSError:
                return
            try:
                going = socket.create_connection(self._behind)
            except OSError:
                coming.close()
                continue
            with self._lock:
                self._open |= {coming, going}
            pair = [(coming, going), (going, coming)]
            pumps = [threading.Thread(target=_pump, args=one, daemon=True) for one in pair]
            for pump in pumps:
                pump.start()
            threading.Thread(
                target=self._bury, args=(pumps, coming, going), daemon=True
            ).start()

    def _bury(self, pumps: list[threading.Thread], *ended: socket.socket) -> None:
        for pump in pumps:
            pump.join()
        with self._lock:
            for one in ended:
                one.close()
                self._open.discard(one)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(64 * 1024):
            sink.sendall(data)
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
