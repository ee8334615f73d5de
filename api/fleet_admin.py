"""`/api/bot/admin`: what an instance has left on its engine and no bot of the log has.

For the instance operator only, who sees names, ages and sizes, and nothing of a team's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.callers import TheUser
from api.paging import TheCursors
from api.shapes import Body, ListQuery, Page
from api.wired import TheSystem
from application.engines import Orphan

router = APIRouter(prefix="/api/bot/admin", tags=["platform"])


class CleanUp(Body):
    """Nothing is removed unless `dry_run` is false."""

    dry_run: bool = True


class OrphanOut(BaseModel):
    """Something of this instance that is of no use any more."""

    kind: Literal["container", "network", "volume", "workspace"]
    id: str
    name: str
    bot_id: UUID | None
    created_at: datetime | None
    size_bytes: int | None


class CleanedUp(BaseModel):
    """What was removed, or would be."""

    dry_run: bool
    items: list[OrphanOut]


@router.get("/orphans")
def orphans(
    query: Annotated[ListQuery, Query()],
    _: TheUser,
    system: TheSystem,
    cursors: TheCursors,
) -> Page[OrphanOut]:
    """What could be cleaned up; 503 while no engine answers."""
    shown = [orphan_shown(one) for one in system.fleet_watch.orphans()]
    return cursors.whole(shown, query, lambda one: f"{one.kind} {one.id}")


@router.post("/cleanup")
def clean_up(_: TheUser, system: TheSystem, asked: CleanUp | None = None) -> CleanedUp:
    """Remove it, or say what would be removed."""
    dry_run = (asked or CleanUp()).dry_run
    found = system.fleet_watch.clean_up(dry_run=dry_run)
    return CleanedUp(dry_run=dry_run, items=[orphan_shown(one) for one in found])


def orphan_shown(one: Orphan) -> OrphanOut:
    """An orphan as it goes out."""
    return OrphanOut.model_validate(
        {
            "kind": one.kind,
            "id": one.id,
            "name": one.name,
            "bot_id": one.bot_id,
            "created_at": one.created_at,
            "size_bytes": one.size_bytes,
        }
    )
