"""`after_position`: an answer that waits until what was written before can be seen in it.

The text is `fleet=1042`, `calls=88`, or both with a comma between.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import anyio
from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.refusals import NotReadYet
from domain.errors import InvalidFields

WAIT_SECONDS = 5.0
LOOK_SECONDS = 0.02

_POSITION = re.compile(r"(fleet|calls)=(0|[1-9][0-9]{0,17})", re.ASCII)


def parse_positions(text: str, *, field: str = "after_position") -> dict[str, int]:
    """Position by log; refused if the text says anything else."""
    positions: dict[str, int] = {}
    for part in text.split(","):
        found = _POSITION.fullmatch(part.strip(" "))
        if found is None or found[1] in positions:
            raise InvalidFields(**{field: "not-a-position"})
        positions[found[1]] = int(found[2])
    return positions


def asked_positions(request: Request) -> dict[str, int]:
    """What the request's `after_position` names; nothing if it has none."""
    text = request.query_params.get("after_position")
    return {} if text is None else parse_positions(text)


async def caught_up(position: Callable[[], int], asked: int) -> None:
    """It is as far as asked, or `NotReadYet` after five seconds.

    No thread is held while it waits: another process moves it on.
    """
    if asked == 0:
        return
    with anyio.move_on_after(WAIT_SECONDS):
        while await run_in_threadpool(position) < asked:  # noqa: ASYNC110
            await anyio.sleep(LOOK_SECONDS)
        return
    raise NotReadYet
