"""A little HTTP server that takes webhooks, well or badly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.little_server import Answering, little_server


@dataclass
class Hooks:
    """Where it answers, how, and what it was posted: path, headers and body."""

    url: str
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    drip_seconds: float = 0.0  # between the bytes of an answer that never ends
    huge: bool = False
    posted: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def hooks() -> Iterator[Hooks]:
    """A server on this machine, until the block ends."""
    over = threading.Event()

    class Handler(Answering):
        def post(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            known.posted.append((self.path, headers, self.body()))
            with suppress(OSError):
                if known.drip_seconds:
                    self._drip()
                else:
                    self._answer()

        def get(self) -> None:
            known.posted.append((f"GET {self.path}", {}, b""))
            self.send_response(200)
            self.end_headers()

        def _answer(self) -> None:
            self.send_response(known.status)
            for name, value in known.headers.items():
                self.send_header(name, value)
            self.end_headers()
            while known.huge and not over.is_set():
                self.wfile.write(b"x" * 65536)

        def _drip(self) -> None:
            self.wfile.write(b"HTTP/1.0 200 OK\r\nx-slow: ")
            while not over.wait(known.drip_seconds):
                self.wfile.write(b"x")

    with little_server(Handler) as url:
        known = Hooks(url=url)
        try:
            yield known
        finally:
            over.set()
