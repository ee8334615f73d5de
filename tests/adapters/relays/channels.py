"""A little real server that answers as a test says, and keeps what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Asked:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Said:
    """One answer; `body` may come in pieces."""

    status: int = 200
    body: bytes | Iterator[bytes] = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[Asked], Said]


@dataclass
class Little:
    """What the server was asked so far."""

    url: str
    asked: list[Asked] = field(default_factory=list)


class Server(ThreadingHTTPServer):
    request_queue_size = 128  # many callers at once are not sent away


@contextmanager
def little(script: Script) -> Iterator[Little]:
    """Listens on loopback until the block ends."""
    seen: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, self._body(headers))
            seen.append(asked)
            said = script(asked)
            self.send_response(said.status)
            pieces = [said.body] if isinstance(said.body, bytes) else said.body
            if isinstance(said.body, bytes):
                self.send_header("content-length", str(len(said.body)))
            else:
                self.send_header("connection", "close")
                self.close_connection = True
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for piece in pieces:
                    self.wfile.write(piece)
                    self.wfile.flush()
            except OSError:
                self.close_connection = True

        do_GET = do_POST = do_DELETE = handle_any  # noqa: N815  # as the library has it

        def _body(self, headers: dict[str, str]) -> bytes:
            if "chunked" not in headers.get("transfer-encoding", ""):
                return self.rfile.read(int(headers.get("content-length", 0)))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: object) -> None:
            """Nothing is written."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield Little(f"http://127.0.0.1:{server.server_port}", seen)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
