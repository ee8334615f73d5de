"""Writes with an Idempotency-Key: carried out once, answered as often as they are asked.

The key belongs to the caller, the method and the path. What the store promises is in
`application/idempotency.py`. Refusals that time may lift are not kept: trying again with
the same key is how one tries again.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.doorkeeper import Doorkeeper, SignedIn
from api.errors import problem
from api.limits import count_request
from api.refusals import Malformed
from application.idempotency import Answer, Carried, IdempotencyStore, KeyIsInUse, Write
from domain.errors import Refused, Unauthenticated, Unavailable

LONGEST_KEY = 255
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
KEPT_HEADERS = frozenset({"content-type", "etag", "x-log-position"})
NOT_KEPT = frozenset({401, 408, 409, 429})
SERVER_ERRORS = 500
LOOKS, LOOK_SECONDS = 20, 0.05

log = logging.getLogger(__name__)


class OnceOnly:
    """Stands in front of the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = Headers(scope=scope).get("idempotency-key") if _is_write(scope) else None
        if key is None:
            await self._app(scope, receive, send)
            return
        store: IdempotencyStore = scope["app"].state.system.idempotency
        try:
            write = await run_in_threadpool(_write, scope, key)
            given: list[Message] | Answer | None = await _found(store, write)
            if given is not None:
                await run_in_threadpool(_count_replay, scope)
            else:
                given = await self._carried_out(store, write, scope, receive)
        except (Refused, Unavailable) as error:
            await problem(error, scope)(scope, receive, send)
            return
        if isinstance(given, Answer):
            await _replay(given)(scope, receive, send)
            return
        for message in given:
            await send(message)

    async def _carried_out(
        self, store: IdempotencyStore, write: Write, scope: Scope, receive: Receive
    ) -> list[Message] | Answer:
        """What it is answered; what the same write was, if that was quicker."""
        try:
            with store.along(write) as carried:
                messages = await self._answered(scope, receive)
                await _keep(carried, messages)
        except KeyIsInUse:
            answer = await _found(store, write)
            if answer is None:
                raise
            return answer
        if carried.committed or messages[0]["status"] != HTTPStatus.CONFLICT:
            return messages
        # What stands in the way may be what the same write has just made.
        return await _found(store, write) or messages

    async def _answered(self, scope: Scope, receive: Receive) -> list[Message]:
        """The whole answer; those to writes are short."""
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, collect)
        return messages


def _is_write(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] in WRITES


def _write(scope: Scope, key: str) -> Write:
    if not (key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST_KEY):
        raise Malformed
    query, body = scope["query_string"], scope["state"]["body"]
    return Write(
        scope=f"{_principal(scope)} {scope['method']} {scope['path']}",
        key=key,
        request_hash=hashlib.sha256(query + b"\n" + body).digest(),
    )


def _principal(scope: Scope) -> str:
    """Strangers share a scope: theirs are sign-ins, and the same body is the same one."""
    user = _user(scope)
    return "nobody" if user is None else f"{user.team_id} {user.principal}"


def _count_replay(scope: Scope) -> None:
    """It is a write of the user's like any other; no route sees it."""
    user, system = _user(scope), scope["app"].state.system
    if user is not None:
        count_request(system.request_limits, scope["method"], user.principal, user.team_id)


def _user(scope: Scope) -> SignedIn | None:
    doorkeeper: Doorkeeper = scope["app"].state.doorkeeper
    try:
        return doorkeeper.admit(Headers(scope=scope), scope["state"]["request_id"])
    except Unauthenticated:
        return None


async def _found(store: IdempotencyStore, write: Write) -> Answer | None:
    """The answer it got; one that is not there yet is waited for, for a second."""
    for _ in range(LOOKS):
        try:
            return await run_in_threadpool(store.find, write)
        except KeyIsInUse:
            await asyncio.sleep(LOOK_SECONDS)
    return await run_in_threadpool(store.find, write)


async def _keep(carried: Carried, messages: list[Message]) -> None:
    """The answer is kept before it is sent; if that fails, it is sent all the same."""
    start, *parts = messages
    status = start["status"]
    if status >= SERVER_ERRORS or (status in NOT_KEPT and not carried.committed):
        return
    answer = Answer(
        status=status,
        headers=tuple(
            (name.decode(), value.decode("latin-1"))
            for name, value in start["headers"]
            if name.decode() in KEPT_HEADERS
        ),
        body=b"".join(part.get("body", b"") for part in parts),
    )
    try:
        await run_in_threadpool(carried.keep, answer)
    except Unavailable:
        log.warning("answer.not_kept", exc_info=True)


def _replay(answer: Answer) -> Response:
    headers = dict(answer.headers) | {"idempotency-replayed": "true"}
    return Response(answer.body or None, status_code=answer.status, headers=headers)
