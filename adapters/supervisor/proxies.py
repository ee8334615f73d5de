"""`clawbot proxy` with CLAWBOT_WORKERS above 1: proxies that share one listening socket."""

from __future__ import annotations

import asyncio
import sys
from contextlib import closing

from adapters.serving import bound
from adapters.settings import Settings
from adapters.supervisor.child import Child, Say
from adapters.supervisor.keeping import keep
from adapters.supervisor.programs import proxies_of


def run(settings: Settings, url: str, *, say: Say) -> None:
    """All of them run until SIGTERM or SIGINT; their logs go to our standard error."""
    host, port = settings.clawbot_proxy_host, settings.clawbot_proxy_port

    async def supervise(listener: int) -> None:
        programs = proxies_of(settings, url, listener)
        children = [Child(program, sys.stderr.buffer, say) for program in programs]
        await keep(children, None, ready=lambda _: None, say=say)

    with closing(bound(host, port)) as listener:
        asyncio.run(supervise(listener.fileno()))
