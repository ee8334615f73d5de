"""Positions: how far a write reached, how far a read saw, and waiting for a view."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request, Response

from api.callers import TheUser
from api.waiting import asked_positions, caught_up
from api.wired import Wired
from domain.errors import PreconditionFailed
from domain.log import CALLS, FLEET
from projections.view import View

TRIES = 5

_VERSION = re.compile(r'"([1-9][0-9]{0,17})"', re.ASCII)

ResultT = TypeVar("ResultT")


def read_after(
    view_of: Callable[[Wired], View[Any]], *logs: str
) -> Callable[..., Coroutine[Any, Any, None]]:
    """A dependency: the view has read what `after_position` asks for, or 504.

    Positions of logs that the view does not read are met.
    """

    async def wait(request: Request, _: TheUser) -> None:
        asked = asked_positions(request)
        view = view_of(request.app.state.system)
        for log in logs:
            await caught_up(partial(view.position, log), asked.get(log, 0))

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


def read_with_fleet(response: Response, position: int | None) -> None:
    """What names `calls=` was read there in the fleet log too; None: it was not asked."""
    if position is not None:
        calls = response.headers["X-Log-Position"]
        response.headers["X-Log-Position"] = f"{FLEET}={position},{calls}"


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
