"""Who may pass the door, and how the door says no."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from adapters.relays.masked import BodyTooLarge
from adapters.relays.outbound import TooSlow, Unreachable
from application.engines import EngineUnavailable
from domain.door_passes import DoorPass, Purpose, read_door_pass
from domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    LimitReached,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
)

NOBODY_LISTENS = 499
ENGINE_UNAVAILABLE = "engine-unavailable"

_STATUS: dict[type[Exception], HTTPStatus] = {
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    LimitReached: HTTPStatus.TOO_MANY_REQUESTS,
    Refused: HTTPStatus.BAD_REQUEST,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Unreachable: HTTPStatus.BAD_GATEWAY,
    TooSlow: HTTPStatus.GATEWAY_TIMEOUT,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

Answering = Callable[[Request, DoorPass], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def status_of(error: Exception) -> HTTPStatus:
    """How an error of ours is answered."""
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def words_of(error: Exception) -> str:
    """What may be said of it: what its class says, never its own text."""
    return (type(error).__doc__ or "").partition("\n")[0]


def code_of(error: Refused | Unavailable) -> str:
    """The stable word for it."""
    return ENGINE_UNAVAILABLE if isinstance(error, EngineUnavailable) else error.code


def guarded(purpose: Purpose, secret: bytes, answering: Answering) -> Endpoint:
    """The endpoint for who has a pass for it; all others are told 401 and nothing else."""

    async def endpoint(request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        names = read_door_pass(token, now=int(time.time()), secret=secret)
        if names is None or names.purpose is not purpose:
            return JSONResponse({"code": Unauthenticated.code}, HTTPStatus.UNAUTHORIZED)
        try:
            return await answering(request, names)
        except (Refused, Unavailable) as error:
            said = {"code": code_of(error), "message": words_of(error)}
            return JSONResponse(said, status_of(error))
        except ClientDisconnect:
            return Response(status_code=NOBODY_LISTENS)

    return endpoint
