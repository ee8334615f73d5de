"""Every MCP server that runs here: one for each install, started when it is first asked.

One that nobody asks for 15 minutes is stopped, so is one whose bot does not have it any
more. One that ends by itself is left alone for a while, each time twice as long.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from adapters.relays.mcp.sandbox import Sandbox
from adapters.relays.mcp.server import Server
from adapters.relays.mcp.sessions import ServerEnded
from domain.equipment import PluginInstall
from domain.errors import LimitReached, Refused, Unavailable
from domain.plugin_launch import Started

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ServerLimits:
    """How many, and for how long (seconds)."""

    servers: int = 64
    of_a_team: int = 16
    starting: float = 50.0  # a caller waits so long; the start may go on
    longest_start: float = 300.0  # packages are fetched
    idle: float = 900.0
    looks: float = 30.0  # between two looks at what is idle or not wanted
    steady: float = 60.0  # who ran longer has not failed
    first_pause: float = 2.0
    longest_pause: float = 300.0


class PluginStarts(Unavailable):
    """The plugin's server is starting; ask again in a while."""

    code = "plugin-is-starting"


class PluginFails(Unavailable):
    """The plugin's server ended again and again; it is tried again later."""

    code = "plugin-is-failing"


class TooManyServers(LimitReached):
    """As many plugins run as may, and all of them are in use."""


@dataclass(frozen=True, kw_only=True)
class Owned:
    """An install, and whose it is."""

    team_id: UUID
    bot_id: UUID
    install: PluginInstall


@dataclass(frozen=True, kw_only=True)
class Ready:
    """What to start, and what must not be seen in what it says."""

    started: Started
    secret_values: tuple[str, ...] = ()


Preparing = Callable[[Owned], Awaitable[Ready]]
Wanted = Callable[[Owned], Awaitable[bool]]


@dataclass(eq=False)
class _Kept:
    owned: Owned
    begun: asyncio.Future[Server]
    life: asyncio.Task[None] | None = None
    server: Server | None = None


@dataclass
class _Failed:
    times: int = 0
    until: float = 0.0  # monotonic


class Servers:
    """Lives in one event loop."""

    def __init__(
        self,
        sandbox: Sandbox,
        *,
        preparing: Preparing,
        wanted: Wanted,
        limits: ServerLimits = ServerLimits(),  # frozen
    ) -> None:
        self._sandbox = sandbox
        self._preparing = preparing
        self._wanted = wanted
        self._limits = limits
        self._kept: dict[UUID, _Kept] = {}
        self._failed: dict[UUID, _Failed] = {}
        self._lives: set[asyncio.Task[None]] = set()  # those that are ending among them
        self._looking = asyncio.create_task(self._look())

    @property
    def running(self) -> int:
        """How many there are, those that start among them."""
        return len(self._kept)

    def there(self, owned: Owned) -> Server | None:
        """The install's server if it runs, just as the install is now."""
        kept = self._kept.get(owned.install.id)
        if kept is None or kept.owned != owned or kept.server is None:
            return None
        return None if kept.server.ended.is_set() else kept.server

    async def of(self, owned: Owned) -> Server:
        """The install's server, started if need be.

        `PluginStarts`, `PluginFails`, `TooManyServers`, and what starting it raises.
        """
        kept = self._kept.get(owned.install.id)
        if kept is not None and kept.owned != owned:  # it was changed: it starts anew
            await self._end(kept)
            self._failed.pop(owned.install.id, None)
            kept = None
        if kept is None:
            kept = self._begin(owned)
        try:
            async with asyncio.timeout(self._limits.starting):
                return await asyncio.shield(kept.begun)
        except TimeoutError as error:
            raise PluginStarts from error

    async def close(self) -> None:
        """All of them are ended."""
        self._looking.cancel()
        for life in self._lives:
            _cancel_once(life)
        await asyncio.gather(self._looking, *self._lives, return_exceptions=True)

    def _begin(self, owned: Owned) -> _Kept:
        failed = self._failed.get(owned.install.id)
        if failed is not None and time.monotonic() < failed.until:
            raise PluginFails
        self._make_room(owned.team_id)
        begun: asyncio.Future[Server] = asyncio.get_running_loop().create_future()
        begun.add_done_callback(_seen)
        kept = self._kept[owned.install.id] = _Kept(owned, begun)
        kept.life = asyncio.create_task(self._live(kept))
        self._lives.add(kept.life)
        kept.life.add_done_callback(self._lives.discard)
        return kept

    def _make_room(self, team_id: UUID) -> None:
        """There is room for one more; those that were idle longest go first."""
        kept = self._kept.values()
        of_team = [one for one in kept if one.owned.team_id == team_id]
        if len(of_team) >= self._limits.of_a_team:
            self._forget(_longest_idle(of_team))
        elif len(kept) >= self._limits.servers:
            self._forget(_longest_idle(kept))

    async def _live(self, kept: _Kept) -> None:
        """From the start of a server to its end, and what is to be learnt from that."""
        born, install_id = time.monotonic(), kept.owned.install.id
        wrong: Exception = ServerEnded()
        by_itself = True
        try:
            await self._run(kept)
        except asyncio.CancelledError:
            by_itself = False
            raise
        except (Refused, Unavailable) as error:
            wrong = error
        except TimeoutError:
            log.warning("mcp.server_too_slow", extra={"install_id": str(install_id)})
        finally:
            if not kept.begun.done():
                kept.begun.set_exception(wrong)
            if self._kept.get(install_id) is kept:
                del self._kept[install_id]
            if by_itself:
                self._learn(install_id, time.monotonic() - born)

    async def _run(self, kept: _Kept) -> None:
        ready = await self._preparing(kept.owned)
        running = await self._sandbox.start(ready.started)
        server = Server(running, ready.secret_values)
        try:
            async with asyncio.timeout(self._limits.longest_start):
                await server.begin()
            kept.server = server
            kept.begun.set_result(server)
            await server.ended.wait()
        finally:
            server.stop()
            await self._sandbox.end(running)

    def _learn(self, install_id: UUID, lived: float) -> None:
        if lived >= self._limits.steady:
            self._failed.pop(install_id, None)
            return
        failed = self._failed.setdefault(install_id, _Failed())
        pause = self._limits.first_pause * 2 ** min(failed.times, 20)
        failed.times += 1
        failed.until = time.monotonic() + min(pause, self._limits.longest_pause)
        log.warning("mcp.server_failed", extra={"install_id": str(install_id)})

    async def _end(self, kept: _Kept) -> None:
        """It is over."""
        self._forget(kept)
        if kept.life is not None:
            await asyncio.wait([kept.life])

    def _forget(self, kept: _Kept) -> None:
        """It is over soon, and nobody gets it any more."""
        if self._kept.get(kept.owned.install.id) is kept:
            del self._kept[kept.owned.install.id]
        if kept.life is not None:
            _cancel_once(kept.life)

    async def _look(self) -> None:
        """Now and then: who is idle, and who is not wanted any more?"""
        while True:
            await asyncio.sleep(self._limits.looks)
            for kept in list(self._kept.values()):
                if kept.server is None:
                    continue
                if kept.server.idle_seconds > self._limits.idle or await self._is_left(
                    kept
                ):
                    await self._end(kept)
            now = time.monotonic()
            for install_id, failed in list(self._failed.items()):
                if now > failed.until + self._limits.longest_pause:
                    del self._failed[install_id]

    async def _is_left(self, kept: _Kept) -> bool:
        try:
            return not await self._wanted(kept.owned)
        except Unavailable:
            return False  # nobody can tell now


def _cancel_once(life: asyncio.Task[None]) -> None:
    """A second time would stop it from clearing up."""
    if not life.cancelling():
        life.cancel()


def _longest_idle(kept: Iterable[_Kept]) -> _Kept:
    """The one that nobody has asked for longest; `TooManyServers`: all are in use."""
    idle = {one: one.server.idle_seconds for one in kept if one.server is not None}
    longest = max(idle, key=lambda one: idle[one], default=None)
    if longest is None or not idle[longest]:
        raise TooManyServers
    return longest


def _seen(begun: asyncio.Future[Server]) -> None:
    """Perhaps nobody waited for it: then its failure is no news to anybody."""
    if not begun.cancelled():
        begun.exception()
