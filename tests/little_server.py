"""The frame of a little HTTP server; what it answers, whoever makes it says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

POLL_SECONDS = 0.01  # until it notices that it is to end


class Answering(BaseHTTPRequestHandler):
    """`get` and `post` are whoever answers's; a body is read whole, no line is printed."""

    def do_GET(self) -> None:
        self.get()

    def do_POST(self) -> None:
        self.post()

    def get(self) -> None:
        self.answer(405)

    def post(self) -> None:
        self.answer(405)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["content-length"]))

    def form(self) -> dict[str, str]:
        return first_of_each(self.body().decode())

    def answer(
        self, status: int, content: bytes = b"", *, media: str = "text/plain"
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def answer_json(self, status: int, said: object) -> None:
        self.answer(status, json.dumps(said).encode(), media="application/json")

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


def first_of_each(query: str) -> dict[str, str]:
    """A query's or a form's fields, each with its first value."""
    return {name: one[0] for name, one in parse_qs(query).items()}


@contextmanager
def little_server(handler: type[BaseHTTPRequestHandler], port: int = 0) -> Iterator[str]:
    """Its URL, on loopback; it has ended after the block."""
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
