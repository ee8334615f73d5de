"""Positions: how far a write reached, how far a read saw, and waiting for it.

The text is `fleet=1042`, `calls=88`, or both with a comma between.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

import anyio
from fastapi import Depends, Header, Request, Response
from starlette.concurrency import run_in_threadpool

from api.callers import TheUser
from api.refusals import NotReadYet
from api.wired import Wired
from domain.errors import InvalidFields, PreconditionFailed
from domain.log import CALLS, FLEET
from projections.view import View

WAIT_SECONDS = 5.0
LOOK_SECONDS = 0.02
TRIES = 5

_POSITION = re.compile(r"(fleet|calls)=(0|[1-9][0-9]{0,17})", re.ASCII)
_VERSION = re.compile(r'"([1-9][0-9]{0,17})"', re.ASCII)

ResultT = TypeVar("ResultT")


def parse_positions(text: str, *, field: str = "after_position") -> dict[str, int]:
    """Position by log; refused if the text says anything else."""
    positions: dict[str, int] = {}
    for part in text.split(","):
        found = _POSITION.fullmatch(part.strip(" "))
        if found is None or found[1] in positions:
            raise InvalidFields(**{field: "not-a-position"})
        positions[found[1]] = int(found[2])
    return positions


def read_after(
    view_of: Callable[[Wired], View[Any]], *logs: str
) -> Callable[..., Coroutine[Any, Any, None]]:
    """A dependency: the view has read what `after_position` asks for, or 504.

    No thread is held while it waits. Positions of logs that the view does not read are met.
    """

    async def wait(request: Request, _: TheUser) -> None:
        text = request.query_params.get("after_position")
        if text is None:
            return
        asked = parse_positions(text)
        view = view_of(request.app.state.system)
        with anyio.move_on_after(WAIT_SECONDS):
            for log in logs:
                # Another process moves the view on: there is nothing to be woken by.
                while await run_in_threadpool(view.position, log) < asked.get(log, 0):  # noqa: ASYNC110
                    await anyio.sleep(LOOK_SECONDS)
            return
        raise NotReadYet

    return wait


def read_at(
    response: Response, view: View[Any], logs: tuple[str, ...], read: Callable[[], ResultT]
) -> ResultT:
    """What the view says, and where it stood: exact, unless the view never rests."""
    before = [view.position(log) for log in logs]
    for _ in range(TRIES):
        result = read()
        after = [view.position(log) for log in logs]
        if after == before:
            break
        before = after
    else:
        result = read()  # it has seen all that `before` says, and perhaps more
    response.headers["X-Log-Position"] = ",".join(
        f"{log}={position}" for log, position in zip(logs, before, strict=True)
    )
    return result


def reached(response: Response, position: int) -> None:
    """The write is in the fleet log up to there."""
    response.headers["X-Log-Position"] = f"{FLEET}={position}"


def tag_version(response: Response, version: int) -> None:
    """The version of what is shown, for `If-Match`."""
    response.headers["ETag"] = f'"{version}"'


def _expected(if_match: Annotated[str | None, Header()] = None) -> int | None:
    if if_match is None or if_match == "*":
        return None
    found = _VERSION.fullmatch(if_match)
    if found is None:  # nothing of ours has such a tag, so it cannot match
        raise PreconditionFailed
    return int(found[1])


ExpectedVersion = Annotated[int | None, Depends(_expected)]

FLEET_ONLY = (FLEET,)
CALLS_ONLY = (CALLS,)
