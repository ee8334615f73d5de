"""All children and the database are kept running until we are told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence

from adapters.postgres.embedded import EmbeddedPostgres
from adapters.supervisor.child import Child, Say
from domain.errors import BadSetup, Unavailable

READY_SECONDS = 60.0
LOOK_EVERY_SECONDS = 0.25  # at the database
DATABASE_PAUSE_SECONDS = 2.0

Ready = Callable[[Mapping[str, int | None]], None]


async def keep(
    children: Sequence[Child], server: EmbeddedPostgres | None, *, ready: Ready, say: Say
) -> None:
    """Until SIGTERM, SIGINT or SIGHUP all of them run; then what serves is stopped, and
    then the others in the order given.

    `ready` is told every child's pid once all can do their work. `BadSetup` if one cannot
    start with what it was given, `Unavailable` if one is not ready in time; the children
    are gone in every case.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        loop.add_signal_handler(signal.SIGHUP, stop.set)
    running = [asyncio.create_task(child.keep_running()) for child in children]
    database = asyncio.create_task(_keep_database(server, stop, say))
    starting = asyncio.create_task(_start(children, ready))
    told = asyncio.create_task(stop.wait())
    try:
        await _until_told(told, starting, [*running, database])
    finally:
        stop.set()
        starting.cancel()
        # What serves has calls under way, and 20 s for them: they all end at the same time.
        await asyncio.gather(*(child.stop() for child in children if child.program.probe))
        for child in children:
            await child.stop()
        await asyncio.gather(*running, database, starting, told, return_exceptions=True)


async def _until_told(
    told: asyncio.Task[bool],
    starting: asyncio.Task[None],
    running: Sequence[asyncio.Task[None]],
) -> None:
    """Returns when told to stop; what a task raises is raised."""
    waited: set[asyncio.Task[bool] | asyncio.Task[None]] = {told, starting, *running}
    while not told.done():
        done, waited = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def _start(children: Sequence[Child], ready: Ready) -> None:
    waiting = [asyncio.create_task(child.ready()) for child in children]
    _, late = await asyncio.wait(waiting, timeout=READY_SECONDS)
    for task in late:
        task.cancel()
    if late:
        pairs = zip(children, waiting, strict=True)
        names = " and ".join(child.program.name for child, task in pairs if task in late)
        msg = f"not ready after {READY_SECONDS:.0f} s, as their logs tell: {names}"
        raise Unavailable(msg)
    ready({child.program.name: child.pid for child in children})


async def _keep_database(
    server: EmbeddedPostgres | None, stop: asyncio.Event, say: Say
) -> None:
    """Our own server is started again whenever it has ended."""
    pause = LOOK_EVERY_SECONDS
    while server is not None:
        try:
            await asyncio.wait_for(stop.wait(), pause)
        except TimeoutError:
            pause = LOOK_EVERY_SECONDS
        else:
            return
        if server.poll():
            continue
        say("PostgreSQL has ended; it is started again")
        try:
            await asyncio.to_thread(server.start)
        except (BadSetup, Unavailable) as error:
            say(f"PostgreSQL does not start: {error}")
            pause = DATABASE_PAUSE_SECONDS
