"""The api's way to the worker: asks at its door. Plays `FleetWatch`."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar
from uuid import UUID

import httpx2
from pydantic import TypeAdapter, ValidationError

from adapters.door import shapes
from adapters.door.guard import ENGINE_UNAVAILABLE
from application.engines import ContainerStats, EngineUnavailable, LogLine, Orphan
from application.fleet_watch import (
    ChannelVerdict,
    EngineStatus,
    RunFacts,
    WorkerIsAway,
)
from application.workspace_store import ShownWorkspace
from domain.door_passes import PASS_SECONDS, DoorPass, Purpose, make_door_pass
from domain.errors import Invalid, NotFound, Unavailable

TIMEOUT = httpx2.Timeout(35.0, connect=2.0)  # a little longer than the engine is given
STATUS_TIMEOUT = httpx2.Timeout(6.0, connect=2.0)
LARGEST_ANSWER = 16 * 1024 * 1024

T = TypeVar("T")

_REFUSED: dict[int, type[Exception]] = {
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.UNPROCESSABLE_ENTITY: Invalid,
}


class DoorClient:
    """A client of the worker; may be used by several threads at once."""

    def __init__(self, worker_url: str, secret: bytes) -> None:
        """`secret` is the instance key `door`."""
        self._url = worker_url.rstrip("/")
        self._secret = secret
        self._client = httpx2.Client(
            timeout=TIMEOUT, trust_env=False, follow_redirects=False
        )

    def close(self) -> None:
        self._client.close()

    def engine_status(self) -> EngineStatus:
        """Whether an engine answers."""
        return self._answer(shapes.STATUS, "GET", "/engine", timeout=STATUS_TIMEOUT)

    def logs(
        self, bot_id: UUID, *, tail: int, since: datetime | None = None
    ) -> Sequence[LogLine]:
        """The bot's last lines."""
        params = _of_logs(tail, since)
        with (
            self._asked("GET", f"/engine/logs/{bot_id}", params=params) as answer,
            _reading(),
        ):
            lines = Lines()
            told = (line for piece in answer.iter_bytes() for line in lines.of(piece))
            return [shapes.LINE.validate_json(line) for line in told if line]

    async def following(
        self, bot_id: UUID, *, tail: int, since: datetime | None = None
    ) -> AsyncGenerator[LogLine | None, None]:
        """The same and what comes after, in the caller's event loop."""
        async with httpx2.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
            params = _of_logs(tail, since) | {"follow": "true"}
            request = client.build_request(
                "GET",
                f"{self._url}/engine/logs/{bot_id}",
                params=params,
                headers=self._pass(),
            )
            with _reading():
                answer = await client.send(request, stream=True)
                try:
                    if answer.status_code != HTTPStatus.OK:
                        raise _refusal(answer.status_code, await answer.aread())
                    lines = Lines()
                    async for piece in answer.aiter_bytes():
                        for line in lines.of(piece):
                            yield shapes.LINE.validate_json(line) if line else None
                finally:
                    await answer.aclose()

    def stats(self, bot_ids: Sequence[UUID]) -> Sequence[ContainerStats]:
        """Of those bots whose containers run."""
        body = shapes.BOT_IDS.dump_json(list(bot_ids))
        return self._answer(shapes.STATS, "POST", "/engine/stats", body=body)

    def orphans(self) -> Sequence[Orphan]:
        """What no bot of the log has."""
        return self._answer(shapes.ORPHANS, "GET", "/engine/orphans")

    def clean_up(self, *, dry_run: bool) -> Sequence[Orphan]:
        """The orphans are gone, or would be."""
        body = shapes.DRY_RUN.dump_json(dry_run)
        return self._answer(shapes.ORPHANS, "POST", "/engine/clean-up", body=body)

    def facts(self, bot_id: UUID) -> RunFacts:
        """What there is to see of the bot now."""
        return self._answer(shapes.FACTS, "GET", f"/engine/facts/{bot_id}")

    def workspace(self, bot_id: UUID) -> ShownWorkspace:
        """The bot's files."""
        return self._answer(shapes.WORKSPACE, "GET", f"/workspaces/{bot_id}")

    def test_channel(self, bot_id: UUID, channel_id: UUID) -> ChannelVerdict:
        """The channel's stored credentials, tried."""
        path = f"/channels/{bot_id}/{channel_id}/test"
        return self._answer(shapes.VERDICT, "POST", path)

    def _answer(
        self,
        shape: TypeAdapter[T],
        method: str,
        path: str,
        *,
        body: bytes = b"",
        timeout: httpx2.Timeout = TIMEOUT,
    ) -> T:
        asked = self._asked(method, path, body=body, timeout=timeout)
        with asked as answer, _reading():
            kept = bytearray()
            for piece in answer.iter_bytes():
                kept += piece
                if len(kept) > LARGEST_ANSWER:
                    msg = "the worker's answer is too large"
                    raise Unavailable(msg)
            return shape.validate_json(bytes(kept))

    @contextmanager
    def _asked(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        params: dict[str, str] | None = None,
        timeout: httpx2.Timeout = TIMEOUT,
    ) -> Iterator[httpx2.Response]:
        url, headers = f"{self._url}{path}", self._pass()
        request = self._client.build_request(
            method, url, content=body, params=params, headers=headers, timeout=timeout
        )
        try:
            answer = self._client.send(request, stream=True)
        except httpx2.ConnectError as error:
            raise WorkerIsAway from error
        except httpx2.HTTPError as error:
            msg = "the worker does not answer"
            raise Unavailable(msg) from error
        try:
            if answer.status_code != HTTPStatus.OK:
                with _reading():
                    said = answer.read()
                raise _refusal(answer.status_code, said)
            yield answer
        finally:
            answer.close()

    def _pass(self) -> dict[str, str]:
        names = DoorPass(Purpose.ENGINE)
        ends_at = int(time.time()) + PASS_SECONDS
        token = make_door_pass(names, ends_at=ends_at, secret=self._secret)
        return {"authorization": f"Bearer {token}"}


class Lines:
    """Lines that end in a line feed, and in nothing else.

    The client's own end at whatever ends a line of text, such as U+2028, and a bot may
    write that: it stands in JSON as it is.
    """

    def __init__(self) -> None:
        self._rest = b""

    def of(self, piece: bytes) -> list[bytes]:
        """The lines that end in this piece."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        return lines


def _of_logs(tail: int, since: datetime | None) -> dict[str, str]:
    params = {"tail": str(tail)}
    return params if since is None else params | {"since": since.isoformat()}


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (httpx2.HTTPError, ValidationError) as error:
        msg = "the worker's answer broke off, or is not one"
        raise Unavailable(msg) from error


def _refusal(status: int, said: bytes) -> Exception:
    if ENGINE_UNAVAILABLE.encode() in said:
        return EngineUnavailable()
    return _REFUSED.get(status, Unavailable)(f"the worker answers {status}")
