"""One connection of a client: reads requests, sends the answers in order.

An asyncio.Protocol over httptools, because the simulator must be faster than what is
measured against it. A call is in the ledger as complete once its last byte was handed to
the transport.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, cast
from urllib.parse import unquote

import httptools

from adapters.simulator.answering import Request
from adapters.simulator.plan import Plan
from adapters.simulator.simulator import Simulator

BODY_LIMIT = 32 << 20
HEAD_LIMIT = 65_536
AT_ONCE_LIMIT = 262_144
LINGER_SECONDS = 2.0
WAITING_LIMIT = 32  # pipelined requests
KEPT = frozenset(
    {
        b"authorization",
        b"x-api-key",
        b"x-goog-api-key",
        b"api-key",
        b"anthropic-version",
        b"x-dashscope-sse",
        b"x-sim",
        b"x-call-id",
        b"content-length",
        b"expect",
        b"upgrade",
        b"sec-websocket-key",
        b"sec-websocket-protocol",
    }
)


class Connection(asyncio.Protocol):
    """A client's connection; kept alive as long as the client likes."""

    def __init__(self, simulator: Simulator, connections: set[Connection]) -> None:
        self._simulator = simulator
        self._connections = connections
        self._parser: Any = httptools.HttpRequestParser(self)
        self._request = Request()
        self._body: list[bytes] = []
        self._body_size = 0
        self._head_size = 0
        self._url = b""
        self._waiting: deque[tuple[Plan, bool]] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._sent = 0  # parts of the plan that is being sent
        self._writable = asyncio.Event()
        self._writable.set()
        self._refused = False  # nothing more is read
        self._lingering = False
        self.lost = asyncio.get_running_loop().create_future()

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not one
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise  # a bug of ours
        except httptools.HttpParserUpgrade as behind:
            self._meet(data[behind.args[0] :])
        except httptools.HttpParserError as error:
            if not self._refused:
                self._refuse(400, f"This is not HTTP: {error}")

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._connections.discard(self)
        self.lost.set_result(None)
        self._refused = True
        if self._sending is not None:
            self._sending.cancel()
        for plan, _ in self._waiting:  # the first one is perhaps on its way
            if plan.entry is not None:
                plan.entry.write(self._sent, "client_left")
            self._sent = 0
        self._waiting.clear()

    def stop(self) -> None:
        """No more requests are read; an answer on its way ends first."""
        self._refused = True
        if self._sending is None:
            self._transport.close()

    def abort(self) -> None:
        """The connection ends now."""
        self._transport.abort()

    # What the parser tells.

    def on_message_begin(self) -> None:
        self._request = Request()
        self._body = []
        self._body_size = self._head_size = 0
        self._url = b""

    def on_url(self, url: bytes) -> None:
        self._url += url  # it comes in as many pieces as the network made of it
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value))
        name = name.lower()
        if name in KEPT:
            headers = self._request.headers
            headers[name] = headers[name] + b", " + value if name in headers else value

    def _count_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > HEAD_LIMIT:
            self._refuse(431, "The headers are larger than 64 KiB.")

    def on_headers_complete(self) -> None:
        if self._refused:
            return
        path, _, self._request.query = self._url.partition(b"?")
        text = path.decode("latin-1")
        self._request.path = unquote(text) if "%" in text else text
        headers = self._request.headers
        if int(headers.pop(b"content-length", b"0")) > BODY_LIMIT:
            self._refuse(413, "The body is larger than 32 MiB.")
        elif headers.pop(b"expect", b"").lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        if self._refused:
            return
        self._body_size += len(data)
        if self._body_size > BODY_LIMIT:
            self._refuse(413, "The body is larger than 32 MiB.")
            return
        self._body.append(data)

    def on_message_complete(self) -> None:
        if self._refused or self._parser.should_upgrade():
            return
        request = self._request
        request.method = self._parser.get_method()
        body = self._body
        request.body = body[0] if len(body) == 1 else b"".join(body)
        self._body = []
        plan = self._simulator.answer(request)
        self._send_in_turn(plan, keep_alive=self._parser.should_keep_alive())

    def _meet(self, rest: bytes) -> None:
        """A WebSocket is asked for, and nothing was asked for before it."""
        request = self._request
        asks = request.headers.get(b"upgrade", b"").lower() == b"websocket"
        if not asks or self._waiting:
            self._refuse(400, "This server upgrades to WebSockets only.")
            return
        meeting = self._simulator.meet(request)
        if isinstance(meeting, Plan):
            self._send_in_turn(meeting, keep_alive=False)
            return
        meeting.take_over(self._transport, request.headers, self.connection_lost)
        if rest:
            meeting.data_received(rest)

    # Sending.

    def _refuse(self, status: int, message: str) -> None:
        """Nothing more is read: the answer is this, and the end of the connection."""
        if not self._refused:
            self._refused = self._lingering = True
            self._body = []
            plan = self._simulator.refuse(self._request, status, message)
            self._send_in_turn(plan, keep_alive=False)

    def _send_in_turn(self, plan: Plan, *, keep_alive: bool) -> None:
        if self._waiting:
            self._waiting.append((plan, keep_alive))
            if len(self._waiting) > WAITING_LIMIT:  # not before: one who leaves is noticed
                self._transport.pause_reading()
        elif self._writable.is_set() and self._fits(plan):
            self._send_at_once(plan, keep_alive=keep_alive)
        else:
            self._waiting.append((plan, keep_alive))
            loop = asyncio.get_running_loop()
            self._sending = loop.create_task(self._send_waiting())

    def _fits(self, plan: Plan) -> bool:
        return plan.at_once() and sum(map(len, plan.parts)) <= AT_ONCE_LIMIT

    def _send_at_once(self, plan: Plan, *, keep_alive: bool) -> None:
        left = self._transport.is_closing()
        if not left:
            self._transport.write(plan.head + b"".join(plan.parts) + plan.tail)
        if plan.entry is not None:
            outcome = "client_left" if left else plan.entry.traits.outcome
            plan.entry.write(0 if left else len(plan.parts), outcome)
        self._close_unless(keep_alive=keep_alive and not plan.close)

    async def _send_waiting(self) -> None:
        """All waiting answers in order, then the client is read again."""
        while self._waiting and not self._transport.is_closing():
            plan, keep_alive = self._waiting[0]
            await self._send_slowly(plan)
            self._waiting.popleft()
            self._sent = 0
            if plan.entry is not None:
                plan.entry.write(len(plan.parts), plan.entry.traits.outcome)
            self._close_unless(keep_alive=keep_alive and not plan.close)
        self._sending = None
        if not self._transport.is_closing():
            self._close_unless(keep_alive=not self._refused)
            self._transport.resume_reading()

    async def _send_slowly(self, plan: Plan) -> None:
        """Part by part, as the script and the client's reading allow."""
        script = plan.script
        await asyncio.sleep(script.slow / 1000)
        if script.stall == 0:
            await asyncio.Event().wait()
        self._transport.write(plan.head)
        for part in plan.parts:
            if self._sent and script.pace:
                await asyncio.sleep(script.pace / 1000)
            await self._writable.wait()
            self._transport.write(part)
            self._sent += 1
            if self._sent == script.stall:
                await asyncio.Event().wait()
        self._transport.write(plan.tail)

    def _close_unless(self, *, keep_alive: bool) -> None:
        """The connection ends unless it is kept alive.

        A client whose request was not read to its end is still sending: what it sends is
        thrown away for a while, because closing at once would take the answer from it.
        """
        if keep_alive:
            return
        self._refused = True
        if not self._lingering:
            self._transport.close()
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._transport.close)
