"""Reading on, unless something else comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def sooner(coming: asyncio.Future[Any], reading: Coroutine[Any, Any, bytes]) -> bytes:
    """What is read, or b"" if `coming` is done before; what reading raises is raised."""
    task = asyncio.ensure_future(reading)
    try:
        await asyncio.wait((task, coming), return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
    if not coming.done():
        return task.result()
    if not task.cancelled():
        task.exception()  # nobody needs it any more
    return b""
