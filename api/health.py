"""`/health`: whether the process lives, and whether it can do its work.

Anybody may ask whether it can; what is away and who is behind is told to operators only.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from api.callers import TheDoorkeeper
from api.doorkeeper import Doorkeeper
from api.wired import TheSystem
from application.readiness import Look
from domain.errors import Refused, Unavailable

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    status: Literal["ok"] = "ok"


class DependencyOut(BaseModel):
    """Without one that is not `needed`, everything is served; the README says how."""

    model_config = ConfigDict(from_attributes=True)
    name: str
    ready: bool
    needed: bool


class LagOut(BaseModel):
    """In positions of the log, and in seconds since the first of them was recorded."""

    model_config = ConfigDict(from_attributes=True)
    name: str
    log: str
    behind: int
    seconds: float


class ParkedOut(BaseModel):
    """Stands still in front of the event at `position`; `error` says where in the code."""

    model_config = ConfigDict(from_attributes=True)
    projection: str
    log: str
    position: int
    error: str


class Ready(BaseModel):
    """`degraded`: all is served, but something is away or stands still.

    Only operators are told more than the status: `views` has policies too, and `copies` are
    of views that are being rebuilt.
    """

    status: Literal["ready", "degraded", "not-ready"]
    dependencies: list[DependencyOut] | None = None
    views: list[LagOut] | None = None
    copies: list[LagOut] | None = None
    parked: list[ParkedOut] | None = None
    sealing: list[LagOut] | None = None


@router.head("/health", include_in_schema=False)  # as uptime monitors ask
@router.get("/health")
def alive() -> Alive:
    """The process answers."""
    return Alive()


@router.head("/health/ready", include_in_schema=False)
@router.get(
    "/health/ready", responses={503: {"model": Ready}}, response_model_exclude_none=True
)
def ready(
    request: Request, response: Response, system: TheSystem, doorkeeper: TheDoorkeeper
) -> Ready:
    """Whether the work can be done; to operators, what it needs and what is behind.

    503 while something needed is away.
    """
    look = system.readiness.look()
    status = _status(look)
    response.status_code = 503 if status == "not-ready" else 200
    if not _is_operator(request, doorkeeper):
        return Ready(status=status)
    return Ready(
        status=status,
        dependencies=[DependencyOut.model_validate(one) for one in look.dependencies],
        views=[LagOut.model_validate(one) for one in look.views],
        copies=[LagOut.model_validate(one) for one in look.copies],
        parked=[ParkedOut.model_validate(one) for one in look.parked],
        sealing=[LagOut.model_validate(one) for one in look.sealing],
    )


def _status(look: Look) -> Literal["ready", "degraded", "not-ready"]:
    away = [one for one in look.dependencies if not one.ready]
    if any(one.needed for one in away):
        return "not-ready"
    return "degraded" if away or look.parked else "ready"


def _is_operator(request: Request, doorkeeper: Doorkeeper) -> bool:
    """Whoever is none, or cannot be told while the database is away, is a stranger."""
    if "authorization" not in request.headers:
        return False
    try:
        return doorkeeper.admit(request.headers, request.state.request_id).operator
    except (Refused, Unavailable):
        return False
