"""Names are looked up in threads of their own: one whose server is silent stops nobody.

A thread that asks for a name is held until the system gives up, ten seconds and more,
whoever has stopped waiting. The event loop has two such threads for all names (libuv) or a
handful (asyncio), so that a few silent servers would make every vendor unreachable.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress

_FLAGS = socket.AI_ADDRCONFIG  # no IPv6 answers where there is no IPv6


async def addresses_of(host: str, port: int, *, room: asyncio.Semaphore) -> list[str]:
    """All addresses of the name, in the system's order; raises as `getaddrinfo` does.

    The place in the room is free again when the system has answered, and not before.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def tell(found: list[str], wrong: Exception | None) -> None:
        room.release()
        if answer.done():
            return
        if wrong is None:
            answer.set_result(found)
        else:
            answer.set_exception(wrong)

    def look_up() -> None:
        found: list[str] = []
        wrong: Exception | None = None
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=_FLAGS)
            found = [str(one[4][0]) for one in answers]
        except (OSError, UnicodeError) as error:
            wrong = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(tell, found, wrong)

    await room.acquire()
    try:
        threading.Thread(target=look_up, name="look-up", daemon=True).start()
    except RuntimeError as error:
        room.release()
        raise OSError("there is no room for another thread") from error
    return await answer
