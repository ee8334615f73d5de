"""One way to one engine: opened when it is first needed, shared by threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import datetime

from docker import APIClient

from adapters.docker.failures import asked
from adapters.docker.streams import Reading, Stream, log_lines
from adapters.docker.transport import EngineAddress, connect
from application.engines import LogLine

MOST_LINES = 5000


class Connection:
    """The SDK's client, and the answers that are still being read."""

    def __init__(self, address: EngineAddress, timeout_seconds: int) -> None:
        """Nothing is asked of the engine yet; it may be away."""
        self._address = address
        self._timeout = timeout_seconds
        self._connecting = threading.Lock()
        self._connected: APIClient | None = None
        self._open: set[Stream] = set()

    @property
    def client(self) -> APIClient:
        """`EngineUnavailable` until the engine has answered once."""
        with self._connecting:
            if self._connected is None:
                with asked():
                    self._connected = connect(self._address, self._timeout)
            return self._connected

    def close(self) -> None:
        """Whoever listens to events or follows a log is let go."""
        for stream in list(self._open):
            stream.close()
        if self._connected is not None:
            self._connected.close()

    def version(self) -> str:
        with asked():
            return str(self.client.version()["Version"])

    def stream(self, path: str, params: Mapping[str, str], *, waits: bool) -> Stream:
        """An answer that comes piece by piece. `NotFound`, `EngineUnavailable`."""
        stream = Stream(self.client, path, params, waits=waits)
        self._open.add(stream)
        return stream

    def pieces(self, stream: Stream) -> Iterator[bytes]:
        try:
            yield from stream.pieces()
        finally:
            self._open.discard(stream)

    def lines(
        self, path: str, *, tail: int, since: datetime | None, follow: bool
    ) -> Reading[LogLine]:
        """What a container or a service has written."""
        params = {
            "stdout": "1",
            "stderr": "1",
            "timestamps": "1",
            "tail": str(max(0, min(tail, MOST_LINES))),
            "follow": "1" if follow else "0",
        }
        if since is not None:
            params["since"] = f"{since.timestamp():.6f}"
        stream = self.stream(path, params, waits=follow)
        return Reading(stream, log_lines(self.pieces(stream)))
