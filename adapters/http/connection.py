"""One client's connection: bytes in, deadlines, one exchange after another.

    HEAD --a head--> BODY --the body's end--> BUSY --the answer's end--> HEAD or LEAVING
                                               '--an answer of 101--> OPEN --> LEAVING

Requests that come before their turn (pipelining) wait in `_ahead`, unread by any parser,
and the socket is not read on meanwhile. Whoever is refused hears why: we send, close our
side, and read over what still comes for a moment, else the kernel would take it back.
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from adapters.http.alarm import Alarm, Pace
from adapters.http.exchange import Exchange, scope_of
from adapters.http.flow import Flow
from adapters.http.head import END, Head, judge_beginning, read_head
from adapters.http.limits import HttpLimits
from adapters.http.peers import Peers
from adapters.http.refusals import Refusal, answer_to
from adapters.http.upgrade import Opening


class _Phase(Enum):
    HEAD = auto()
    BODY = auto()
    BUSY = auto()
    OPEN = auto()
    LEAVING = auto()


_ANSWERING = frozenset({_Phase.BUSY, _Phase.OPEN})


class Connection(Flow):
    """Made by uvicorn, once per accepted socket; `limits` and `peers` are ours."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: HttpLimits,
        peers: Peers,
    ) -> None:
        super().__init__()
        self._application = config.loaded_app
        self._server = server_state
        self.tasks = server_state.tasks
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._limits = limits
        self._peers = peers
        self._peer: str | None = None
        self._addresses: tuple[Any, Any] = (None, None)  # ours, the client's
        self._phase = _Phase.HEAD
        self._ahead = b""  # came before its turn; in HEAD: the beginning of a head
        self._exchange: Exchange | None = None
        self._pace: Pace | None = None
        self._leaves_by = 0.0
        self._ended = False  # the client will send nothing more
        self._stopping = False
        self._alarm = Alarm(self._loop, self._overdue)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(self)  # type: ignore[arg-type]  # it calls shutdown()
        peername = transport.get_extra_info("peername")
        if peername is None:  # it has left already
            transport.abort()
            return
        client = peername[:2]
        self._addresses = (transport.get_extra_info("sockname")[:2], client)
        self._peer = self._peers.enter(client[0])
        if self._peer is None:  # it is not listened to: a crowd must not cost us sockets
            self._phase = _Phase.LEAVING
            transport.write(answer_to(503))
            transport.close()
        else:
            self._alarm.expect(self._limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._phase = _Phase.LEAVING
        self._server.connections.discard(self)
        if self._peer is not None:
            self._peers.leave(self._peer)
            self._peer = None
        self._alarm.stop()
        if self._exchange is not None:
            self._exchange.lose()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        try:
            self._take(data)
        except Refusal as refusal:
            self.refuse(refusal.status)

    def eof_received(self) -> bool:
        """The client has closed its side: what it has asked for in full is answered."""
        self._ended = True
        if self._phase not in _ANSWERING or self._exchange is None:
            return False
        self._exchange.leave()
        return True

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._phase in _ANSWERING:
            self._alarm.expect(self._limits.write_seconds)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._phase in _ANSWERING:
            self._alarm.rest()

    def shutdown(self) -> None:
        """For uvicorn: no request begins any more; one under way is answered."""
        self._stopping = True
        if self._phase is _Phase.OPEN:
            self._stop_opened()
        if self._exchange is None:
            self._phase = _Phase.LEAVING
            self._transport.close()

    # what comes in

    def _take(self, data: bytes) -> None:
        phase = self._phase
        if phase is _Phase.HEAD:
            self._take_head(data)
        elif phase is _Phase.BODY:
            self._take_body(data)
        elif phase is _Phase.OPEN:
            self._pass_on(data)
        elif phase is _Phase.BUSY:
            self._ahead += data
            self._pause_reading()

    def _take_head(self, data: bytes) -> None:
        searched = len(self._ahead)
        if searched:
            data = self._ahead + data
        end = data.find(END, max(0, searched - len(END)))
        if end < 0:
            judge_beginning(data, searched, self._limits)
            if not searched:
                self._alarm.expect(self._limits.head_seconds)
            self._ahead = data
            return
        end += len(END)
        self._ahead, rest = b"", data[end:]
        head = read_head(data[:end], self._limits)
        is_whole = head.framing is not None and head.framing.is_whole(rest)
        self._begin(head, rest if is_whole else b"")
        if rest and not is_whole:
            self._take(rest)

    def _begin(self, head: Head, body: bytes) -> None:
        exchange = self._exchange = (Opening if head.upgrades else Exchange)(head, self)
        if head.framing is None or body:
            exchange.end(body)
            self._be_busy()
        else:
            self._phase = _Phase.BODY
            self._pace = Pace(self._limits)
            self._alarm.expect(self._pace.next_look)
        scope = scope_of(exchange, self._addresses, self._app_state.copy())
        exchange.task = self._loop.create_task(exchange.run(self._application, scope))
        self.tasks.add(exchange.task)

    def _take_body(self, data: bytes) -> None:
        exchange = self._exchange
        assert exchange is not None
        assert exchange.head.framing is not None
        assert self._pace is not None
        self._pace.count(len(data))
        piece, rest = exchange.head.framing.feed(data)
        if rest is not None:
            exchange.end()
            self._be_busy()
        if piece:
            exchange.put(piece)
            if rest is None and exchange.unread > self._limits.unread_bytes:
                self._pause_reading()
        if rest:
            self._take(rest)

    def _be_busy(self) -> None:
        self._phase = _Phase.BUSY
        self._alarm.rest()
        if self._room is not None:
            self._alarm.expect(self._limits.write_seconds)

    def _pass_on(self, data: bytes) -> None:
        exchange = self._exchange
        assert exchange is not None
        exchange.put(data)
        if exchange.unread > self._limits.unread_bytes:
            self._pause_reading()

    def _stop_opened(self) -> None:
        assert isinstance(self._exchange, Opening)
        self._exchange.stop()

    # for the exchange

    def switch(self) -> None:
        self._phase = _Phase.OPEN
        ahead, self._ahead = self._ahead, b""
        self.read_on()
        if ahead:
            self._pass_on(ahead)
        if self._stopping:
            self._stop_opened()

    def may_stay(self) -> bool:
        return not (self._stopping or self._ended)

    def answered(self, *, stays: bool) -> None:
        self._exchange = None
        self._server.total_requests += 1
        if not (stays and self.may_stay()):
            self._leave()
            return
        self._phase = _Phase.HEAD
        self._alarm.expect(self._limits.keep_alive_seconds)
        ahead, self._ahead = self._ahead, b""
        self.read_on()
        if ahead:
            self.data_received(ahead)

    def refuse(self, status: int) -> None:
        """What came is no request, or came too slowly, or has no answer: say so, close."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.lose()
            if exchange.started:
                self._transport.abort()
                return
        with_body = exchange is None or exchange.head.method != "HEAD"
        self._transport.write(answer_to(status, with_body=with_body))
        self._leave()

    def cut(self, *, at_once: bool) -> None:
        self._exchange = None
        (self._transport.abort if at_once else self._leave)()

    def _leave(self) -> None:
        """Close our side; the rest when the client has, or has had time to."""
        self._phase = _Phase.LEAVING
        self._ahead = b""
        if self._transport.is_closing():
            return
        self.read_on()
        self._leaves_by = self._loop.time() + self._limits.write_seconds
        self._alarm.expect(self._limits.linger_seconds)
        if self._ended:
            self._transport.close()
        else:
            self._transport.write_eof()

    # time

    def _overdue(self) -> None:
        phase = self._phase
        if phase is _Phase.BODY:
            self._look_at_pace()
        elif phase is _Phase.HEAD and self._ahead:
            self.refuse(408)
        elif phase is _Phase.HEAD:
            self._leave()
        elif phase in _ANSWERING or self._is_done_leaving():
            self._transport.abort()
        else:
            self._alarm.expect(self._limits.linger_seconds)

    def _is_done_leaving(self) -> bool:
        unsent = self._transport.get_write_buffer_size()
        return not unsent or self._loop.time() >= self._leaves_by

    def _look_at_pace(self) -> None:
        pace = self._pace
        assert pace is not None
        if pace.holds(was_read=not self._reading_paused):
            self._alarm.expect(pace.next_look)
        else:
            self.refuse(408)
