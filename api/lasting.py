"""Whether who opened a stream may go on hearing it: their access may end before it does."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from api.callers import SignedIn, TheDoorkeeper, TheUser
from api.doorkeeper import Doorkeeper
from domain.errors import Refused, Unavailable

SESSION_SECONDS = 2.0  # between two looks whether it lasts


class Lasting:
    """The credential that a stream was opened with."""

    def __init__(self, request: Request, user: SignedIn, doorkeeper: Doorkeeper) -> None:
        self._headers = request.headers
        self._request_id = user.request_id
        self._admit = doorkeeper.admit
        self._looked_at = time.monotonic()

    async def lasts(self) -> bool:
        """Whether it is good still, as of 2 s ago; while nobody can say, it is."""
        if time.monotonic() - self._looked_at < SESSION_SECONDS:
            return True
        self._looked_at = time.monotonic()
        try:
            await run_in_threadpool(self._admit, self._headers, self._request_id)
        except Refused:
            return False
        except Unavailable:
            return True
        return True


def _lasting(request: Request, user: TheUser, doorkeeper: TheDoorkeeper) -> Lasting:
    return Lasting(request, user, doorkeeper)


TheLasting = Annotated[Lasting, Depends(_lasting)]
