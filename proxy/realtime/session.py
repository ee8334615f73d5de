"""One session: messages both ways until a side ends it, settled before the bot sees it end.

the bot closes or leaves      a response under way is heard out first, if the vendor's
                              file says so, for its usage; then the vendor is closed
the vendor closes or breaks   that is passed on to the bot
the server stops              as if the bot had closed, but the bot hears to the end
nothing happens too long      both are closed; so they are when the session is too long
a quota has no more room      both are closed behind the response that used it up, or
                              instead of asking for another one beside those under way
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from websockets.frames import CloseCode
from websockets.protocol import Side

from proxy.answer import Answer
from proxy.client import Client
from proxy.mask import KeyMask
from proxy.realtime.allowance import Allowance
from proxy.realtime.handshake import Headers, granted
from proxy.realtime.lines import ClientPipe, ServerStops, VendorPipe
from proxy.realtime.socket import MESSAGE_BYTES, Ended, Said, Socket
from proxy.settlement import Settlement
from proxy.usage.openai_realtime import Ask, OpenAiRealtime, asks_for

FINE = frozenset({CloseCode.NORMAL_CLOSURE, CloseCode.GOING_AWAY, CloseCode.NO_STATUS_RCVD})
LEFT, CUT = "client-left", "upstream-cut"


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionLimits:
    """How long, in seconds, and how much."""

    total: float = 3660.0  # vendors end sessions after an hour
    idle: float = 900.0  # without a message of either side
    silence: float = 60.0  # without a byte of a side that is asked for one
    ping: float = 20.0  # how often that is
    drain: float = 10.0  # for what a response under way has used; less than a stop may take
    drain_bytes: int = 8 * 1024 * 1024
    part: float = 2.0  # for the vendor to close its side
    message_bytes: int = MESSAGE_BYTES


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How a session ends: what each side is told, and what is put on record."""

    client: tuple[int, str]
    vendor: int = CloseCode.NORMAL_CLOSURE
    error: str | None = None
    left: bool = False


class Session:
    """A call's session, both of whose sides have been opened."""

    def __init__(  # noqa: PLR0913  # what a session is between
        self,
        client: Client,
        answer: Answer,
        mask: KeyMask,
        settlement: Settlement,
        *,
        drain: bool,
        allowance: Allowance | None = None,
        limits: SessionLimits = SessionLimits(),
    ) -> None:
        """`allowance`: of a session that quotas may end."""
        size = limits.message_bytes
        self._caller = client
        self._answer = answer
        self._client = Socket(ClientPipe(client), Side.SERVER, message_bytes=size)
        self._vendor = Socket(VendorPipe(answer), Side.CLIENT, message_bytes=size)
        self._mask = mask
        self._settlement = settlement
        self._progress = settlement.progress
        self._limits = limits
        self._drains = drain
        self._allowance = allowance
        self._tally = OpenAiRealtime()
        self._stops = False
        self._room_to_drain: int | None = None  # bytes, once the session has ended
        self._overdue: Ending | None = None

    async def run(self, asked: Mapping[bytes, bytes], back: Headers) -> None:
        """The session is over and settled when this returns or raises.

        `asked` are the headers of the bot's opening, `back` those of our answer. Raises
        `LastByteHeld`: then the bot must not see the end.
        """
        try:
            await self._caller.start(101, [*granted(self._answer, asked), *back])
            await self._caller.put(b"")  # it goes out, with nothing behind it yet
            ending = await self._relay()
            self._progress.error = self._progress.error or ending.error
            self._caller.left = ending.left
            await self._vendor.close(ending.vendor)
        except asyncio.CancelledError:
            self._progress.error = self._progress.error or "proxy-stopped"
            self._answer.abort()
            raise
        finally:
            requested = self._progress.admitted.facts.requested_model
            await self._settlement.settle(self._tally.reading(requested))
        await self._client.close(*ending.client)
        await self._caller.finish()
        await self._part()

    async def _relay(self) -> Ending:
        """Pass messages on until something ends that."""
        down = asyncio.create_task(self._down())
        tasks = {down, asyncio.create_task(self._up()), asyncio.create_task(self._watch())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # what it raised is a bug
            cut_short = self._tally.waits
            if down not in done and cut_short and self._drains:
                self._room_to_drain = self._limits.drain_bytes
                await asyncio.wait({down}, timeout=self._limits.drain)
            return self._ending(cut_short=cut_short)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _up(self) -> None:
        """The bot's messages, to the vendor."""
        try:
            while (said := await self._client.receive()) is not None:
                ask = asks_for(said.data) if said.text else None
                if ask is not None:
                    if not await self._hold(ask):
                        if self._drains:  # those under way are held
                            self._room_to_drain = self._limits.drain_bytes
                        return
                    self._tally.asked(ask)
                await self._vendor.send(said)
        except ServerStops:
            self._stops = True

    async def _down(self) -> None:
        """The vendor's messages, to the bot: without the key, and read along."""
        while (said := await self._vendor.receive()) is not None:
            data = self._mask.whole(said.data)
            if self._progress.first_byte is None:
                self._progress.first_byte = time.monotonic()
            self._progress.relayed += len(data)
            if said.text:
                self._tally.event(data)
                await self._hold()
            await self._client.send(Said(said.text, data))
            if self._room_to_drain is not None:
                self._room_to_drain -= len(data)
                if self._room_to_drain < 0 or not self._tally.waits:
                    return
            elif self._overdue is not None:
                return

    async def _hold(self, ask: Ask | None = None) -> bool:
        """What was used so far is held, what is under way, and what is to be asked for.

        False: the session ends.
        """
        if self._allowance is not None and self._overdue is None:
            refused = await self._allowance.refusal(self._tally, ask)
            if refused is not None:
                told = (CloseCode.POLICY_VIOLATION, refused)
                self._overdue = Ending(client=told, error=refused)
        return self._overdue is None

    async def _watch(self) -> None:
        """Ends when a side is silent, nothing is said, or it has been long enough."""
        limits, loop = self._limits, asyncio.get_running_loop()
        began = loop.time()
        while self._overdue is None:
            await asyncio.sleep(limits.ping)
            now = loop.time()
            if now - began >= limits.total:
                self._overdue = _over("session-too-long")
            elif now - max(self._client.said_at, self._vendor.said_at) >= limits.idle:
                self._overdue = _over("session-idle")
            elif self._client.silent_for >= limits.silence:
                self._overdue = Ending(client=_AWAY, error=LEFT, left=True)
            elif self._vendor.silent_for >= limits.silence:
                self._overdue = Ending(client=_BROKEN, error="upstream-timeout")
            else:
                await self._client.ping()
                await self._vendor.ping()

    def _ending(self, *, cut_short: bool) -> Ending:
        """What has ended it. `cut_short`: a response was under way."""
        if self._client.ended is not None:
            return _by_client(self._client.ended, cut_short=cut_short)
        if self._stops:
            error = "proxy-stopped" if cut_short else None
            return Ending(client=_AWAY, vendor=CloseCode.GOING_AWAY, error=error)
        if self._overdue is not None:
            return self._overdue
        assert self._vendor.ended is not None
        return self._by_vendor(self._vendor.ended, cut_short=cut_short)

    def _by_vendor(self, ended: Ended, *, cut_short: bool) -> Ending:
        if not ended.by_close:
            return Ending(client=_BROKEN, error=CUT)
        reason = self._mask.whole(ended.reason.encode()).decode()
        error = CUT if cut_short else None
        if ended.code not in FINE:
            error = f"vendor:closed-{ended.code}"
        return Ending(client=(ended.code, reason), error=error)

    async def _part(self) -> None:
        """The vendor has closed its side too, or had time to."""
        try:
            async with asyncio.timeout(self._limits.part):
                while await self._vendor.receive() is not None:
                    pass
        except TimeoutError:
            pass  # it is closed all the same
        finally:
            self._answer.abort()


_AWAY = (CloseCode.GOING_AWAY, "")
_BROKEN = (CloseCode.BAD_GATEWAY, "")


def _over(error: str) -> Ending:
    return Ending(client=(CloseCode.GOING_AWAY, error), error=error)


def _by_client(ended: Ended, *, cut_short: bool) -> Ending:
    """A bot that closes with nothing under way has not left: the session is over."""
    if ended.gone:
        return Ending(client=_AWAY, error=LEFT if cut_short else None, left=True)
    if not ended.by_close:
        return Ending(client=_AWAY, error="client-broke-protocol")
    return Ending(client=_AWAY, error=LEFT if cut_short else None, left=cut_short)
