"""A vendor that keeps every byte it was sent, and says more than it should."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.wire.session import Session

ANSWER = (
    b'{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}'
)
BIG = b'"%s"' % (b"x" * (8 * 1024 * 1024))  # for a call that asks for "big"
# Headers that a client of ours must never see, and one that it may.
TALKATIVE = (
    b"server: vendor/1.2\r\nset-cookie: session=vendor\r\nx-powered-by: secrets\r\n"
    b"connection: x-inner\r\nx-inner: 1\r\nlocation: http://inside/\r\n"
    b"access-control-allow-origin: *\r\nopenai-organization: org-1\r\nvia: 1.1 inside\r\n"
    b'alt-svc: h3=":443"\r\nx-ratelimit-limit-requests: 500\r\n'
)


@dataclass
class Vendor:
    """What came, connection by connection; a call gets `ANSWER`, or `BIG`.

    A WebSocket's frames are kept apart, as they came.
    """

    url: str
    connections: list[bytearray] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    def everything(self) -> bytes:
        """All bytes that ever came."""
        return b"".join(bytes(one) for one in self.connections)

    def requests(self, mark: bytes) -> list[bytes]:
        """The requests that hold this mark, each from its first line on."""
        found: list[bytes] = []
        for sent in self.connections:
            rest = bytes(sent)
            while rest:
                end = rest.index(b"\r\n\r\n") + 4 + _length(rest)
                found.append(rest[:end])
                rest = rest[end:]
        return [request for request in found if mark in request]


def _length(request: bytes | bytearray) -> int:
    for line in request.partition(b"\r\n\r\n")[0].lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@contextmanager
def recording() -> Iterator[Vendor]:
    """A vendor on a free port of this machine, until the block ends."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            sent = bytearray()
            vendor.connections.append(sent)
            answered = 0
            with suppress(ConnectionError):
                while data := self.request.recv(65536):
                    sent += data
                    end = sent.find(b"\r\n\r\n", answered)
                    if end < 0 or len(sent) < (whole := end + 4 + _length(sent[answered:])):
                        continue
                    body = BIG if b'"big"' in sent[answered:whole] else ANSWER
                    if b"\r\nupgrade:" in sent[answered:whole].lower():
                        session = Session(self.request, bytes(sent[answered:whole]))
                        vendor.sessions.append(session)
                        session.hold()
                        return
                    answered = whole
                    self.request.sendall(
                        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                        b"content-length: %d\r\n%s\r\n%s" % (len(body), TALKATIVE, body)
                    )

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        vendor = Vendor(url=f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield vendor
        finally:
            server.shutdown()
            thread.join()
