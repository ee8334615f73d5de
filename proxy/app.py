"""The data plane's one route, `ALL /api/v1/{vendor}/*`, as a raw ASGI callable.

What bots ask of their plugins and channels comes the same way (`relaying.py`).

It is mounted in front of the control plane (`in_front_of`), so that no framework sees a
call, or runs behind `proxy/main.py` with little beside it (`alone.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from proxy.admission import Admission
from proxy.answer import UpstreamCut
from proxy.call import Call, Parts
from proxy.client import Client
from proxy.incoming import (
    ANSWERING,
    LEAVING,
    PASSING,
    PREFIX,
    ClientLeft,
    Receive,
    Scope,
    Send,
)
from proxy.relaying import PREFIXES, Relaying

log = logging.getLogger(__name__)

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Proxy:
    """Serves calls; everything it needs is given to it."""

    def __init__(self, admission: Admission, parts: Parts, relaying: Relaying) -> None:
        self._admission = admission
        self._parts = parts
        self._relaying = relaying

    def current(self) -> bool:
        """Whether calls are served: the log's head was confirmed lately."""
        return self._admission.routes.current

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call, from its first byte to its last; what else is raised is a bug."""
        able = scope.get("extensions", {})
        client = Client(
            receive, send, able.get(LEAVING), able.get(PASSING), able.get(ANSWERING)
        )
        relayed = scope["raw_path"].startswith(PREFIXES)
        serving = self._relaying if relayed else Call(self._admission, self._parts)
        try:
            await serving.serve(scope, receive, client)
        except ClientLeft:
            log.info("call.client_left_early", extra={"call_id": str(serving.id)})
        except UpstreamCut as cut:
            # Returning without the end makes the server cut the connection, so that the
            # client knows that it has not got everything.
            extra = {"call_id": str(serving.id), "reason": type(cut).__name__}
            log.warning("call.cut", extra=extra)
        finally:
            await client.close()


def in_front_of(application: Application, proxy: Application) -> Application:
    """One application of both: calls go to the proxy, everything else behind it."""

    # Not async: what it calls is awaited by its caller, without a frame in between.
    def both(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        is_call = scope["type"] == "http" and scope["raw_path"].startswith(PREFIX)
        return (proxy if is_call else application)(scope, receive, send)

    return both
