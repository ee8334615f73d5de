"""`/health`: whether the process lives, and whether it can do its work."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from api.wired import TheSystem

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    status: Literal["ok"] = "ok"


class DependencyOut(BaseModel):
    """Without one that is not `needed`, everything is served; the README says how."""

    model_config = ConfigDict(from_attributes=True)
    name: str
    ready: bool
    needed: bool


class ViewLagOut(BaseModel):
    """`behind` counts positions of the log that the view has yet to read."""

    model_config = ConfigDict(from_attributes=True)
    view: str
    log: str
    behind: int


class Ready(BaseModel):
    status: Literal["ready", "degraded", "not-ready"]
    dependencies: list[DependencyOut]
    views: list[ViewLagOut]


@router.get("/health")
def alive() -> Alive:
    """The process answers."""
    return Alive()


@router.get("/health/ready", responses={503: {"model": Ready}})
def ready(response: Response, system: TheSystem) -> Ready:
    """Each dependency, and how far each view is behind; 503 while a needed one is away."""
    look = system.readiness.look()
    away = [one for one in look.dependencies if not one.ready]
    lacking = any(one.needed for one in away)
    response.status_code = 503 if lacking else 200
    return Ready(
        status="not-ready" if lacking else "degraded" if away else "ready",
        dependencies=[DependencyOut.model_validate(one) for one in look.dependencies],
        views=[ViewLagOut.model_validate(one) for one in look.views],
    )
