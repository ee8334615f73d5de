"""An exchange that may become a WebSocket: answered with 101, then bytes both ways.

The application sees an HTTP request with `UPGRADE` among the extensions of its scope. It
answers like any request, and the connection closes behind that; or it starts an answer of
status 101. From then on `http.request` and `http.response.body` carry the line's bytes as
they are: frames are the application's to read. `STOP` is a message that it gets once, when
the server is about to stop.
"""

from __future__ import annotations

from typing import Any

from adapters.http.answers import UNTIL_CLOSE, NotSendable
from adapters.http.exchange import Application, Exchange, Headers, Message

UPGRADE = "clawbot.upgrade"
STOP = "clawbot.stop"
SWITCHING = 101

_FIRST_LINES = (
    b"HTTP/1.1 101 Switching Protocols\r\n",
    b"upgrade: websocket\r\n",
    b"connection: Upgrade\r\n",
)
_OURS = frozenset(
    {b"upgrade", b"connection", b"content-length", b"content-type", b"transfer-encoding"}
)


class Opening(Exchange):
    """A request for a WebSocket, and the line's bytes once that is granted."""

    __slots__ = ("_stopping", "_told")

    _stopping: bool
    _told: bool

    async def run(self, application: Application, scope: dict[str, Any]) -> None:
        self._stopping = self._told = False
        extensions = {**scope["extensions"], UPGRADE: {}}
        await super().run(application, {**scope, "extensions": extensions})

    async def receive(self) -> Message:
        """What has come of the line since; that it ended; or, once, `STOP`."""
        if not (self._stopping and not self._told):
            message = await super().receive()
            if message["type"] != "http.request" or message["body"] or not self._stopping:
                return message
        self._told = True
        return {"type": STOP}

    def stop(self) -> None:
        """Tell the application that the server stops."""
        self._stopping = True
        self.put(b"")

    def _start(self, status: int, headers: Headers) -> None:
        if status != SWITCHING:
            super()._start(status, headers)
            return
        self.started = True
        self.whole = self._taken = False
        self._framing, self._stays = UNTIL_CLOSE, False
        self._line.write(_switching(headers))
        self._line.switch()


def _switching(headers: Headers) -> bytes:
    """The head of the 101, with the application's headers; `NotSendable`."""
    lines = [
        *_FIRST_LINES,
        *(b"%s: %s\r\n" % (n.lower(), v) for n, v in headers if n.lower() not in _OURS),
        b"\r\n",
    ]
    head = b"".join(lines)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
        msg = "a header of the answer would break out of its line"
        raise NotSendable(msg)
    return head
