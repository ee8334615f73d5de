"""`/api/events/stream`: what happens in the team, as it happens (server-sent events).

Ids are positions of the fleet log. Whoever comes back with `Last-Event-ID` hears all that
was missed, from any process; whoever was away for too long is told to read everything anew
(`event: reset`). The stream ends with the access token or the session it was opened with.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from api.callers import SignedIn, TheUser
from api.lasting import SESSION_SECONDS, Lasting, TheLasting
from api.live_feed import PAGE, LiveFeed, messages_of
from api.shapes import Query as QueryShape
from api.wired import TheSystem, Wired
from domain.errors import InvalidFields

router = APIRouter(prefix="/api/events", tags=["notices"])

HEARTBEAT_SECONDS = 15.0
RETRY_MS = 2000
MOST_BEHIND = 20_000  # positions that are read again for somebody who comes back
RESET = "event: reset\ndata: {}\n\n"
END = "event: end\ndata: {}\n\n"

_POSITION = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


class StreamQuery(QueryShape):
    """With `follow=false` the stream ends where the log does."""

    follow: bool = True


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def stream(  # noqa: PLR0913, PLR0917 - what the framework hands in
    query: Annotated[StreamQuery, Query()],
    request: Request,
    user: TheUser,
    system: TheSystem,
    lasting: TheLasting,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Bots' and keys' states, notices, and how far the read models are behind."""
    if last_event_id is not None and _POSITION.fullmatch(last_event_id) is None:
        raise InvalidFields(last_event_id="not-a-position")
    feed: LiveFeed = request.app.state.live_feed
    feed.refuse_crowd(user.principal)
    after = None if last_event_id is None else int(last_event_id)
    told = _Stream(user, system, lasting, feed).told(after, follow=query.follow)
    return StreamingResponse(told, media_type="text/event-stream")


class _Stream:
    """One open stream."""

    def __init__(
        self, user: SignedIn, system: Wired, lasting: Lasting, feed: LiveFeed
    ) -> None:
        self._user = user
        self._system = system
        self._lasting = lasting
        self._feed = feed

    async def told(self, after: int | None, *, follow: bool) -> AsyncIterator[str]:
        """What was missed, and then what happens."""
        listener = await self._feed.join(self._user.team_id, self._user.principal)
        try:
            since = listener.since
            head = since if after is None else await self._head()
            position = since if after is None else after
            if position > head or since - position > MOST_BEHIND:
                yield RESET
                position = since
            yield f"retry: {RETRY_MS}\nid: {position}\n\n"
            async for text in self._missed(position, since):
                yield text
            last = time.monotonic()
            while follow and not listener.cut:
                if not await self._lasting.lasts():
                    yield END
                    return
                read = self._feed.position  # before the queue is found to be empty
                try:
                    async with asyncio.timeout(SESSION_SECONDS):
                        at, text = await listener.queue.get()
                except TimeoutError:
                    if time.monotonic() - last >= HEARTBEAT_SECONDS:
                        last = time.monotonic()
                        yield f": still here\nid: {max(read, position)}\n\n"
                    continue
                if at is None or at > position:
                    yield text
                    last = time.monotonic()
        finally:
            self._feed.leave(listener)

    async def _missed(self, after: int, upto: int) -> AsyncIterator[str]:
        while after < upto:
            page = await run_in_threadpool(
                self._system.fleet.page, after=after, limit=PAGE, upto=upto
            )
            for placed in page.events:
                if placed.recorded.team_id == self._user.team_id:
                    for text in messages_of(placed, self._user.principal):
                        yield text
            after = page.upto

    async def _head(self) -> int:
        return await run_in_threadpool(self._system.fleet.head)
