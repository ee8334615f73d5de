"""`/api/api-token`: tokens with which programs act in the team."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from uuid_utils.compat import uuid7

from api import tokens
from api.callers import TheDoorkeeper, TheUser
from api.paging import TheCursors
from api.positions import reached
from api.shapes import Body, ListQuery, Moment, Name, Page
from api.team_shapes import ARole
from api.wired import TheSystem
from application.api_tokens import IssueApiToken, RevokeApiToken
from domain.api_tokens import ApiTokenIssued, TokenShelf, token_shelf
from domain.ids import ApiTokenId
from domain.roles import Role, included

router = APIRouter(prefix="/api/api-token", tags=["api tokens"])


class NewApiToken(Body):
    """Without `expires_at` it lasts until it is revoked."""

    name: Name
    role: ARole
    expires_at: Moment | None = None


class ApiTokenOut(BaseModel):
    id: UUID
    name: str
    role: Role
    created_by: UUID
    created_at: datetime
    expires_at: datetime | None


class NewApiTokenOut(ApiTokenOut):
    token: str = Field(description="Shown once.")


@router.get("")
def of_team(
    query: Annotated[ListQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    response: Response,
) -> Page[ApiTokenOut]:
    """One's own tokens in the team, oldest first; for admins, everybody's."""
    response.headers["X-Log-Position"] = f"fleet={system.fleet.head()}"
    after = cursors.read(query.cursor, UUID) if query.cursor else UUID(int=0)
    shelf = system.fleet.look(TokenShelf(), token_shelf(user.team_id)).state
    everybodys = Role.ADMIN in included(user.role)
    rest = [
        token
        for token in sorted(shelf.tokens.values(), key=lambda one: one.token_id)
        if token.token_id > after and (everybodys or token.by == user.user_id)
    ]
    shown, cursor = cursors.page(rest, query.limit, lambda one: [str(one.token_id)])
    return Page(items=[ApiTokenOut(**_facts(one)) for one in shown], next_cursor=cursor)


@router.post("", status_code=201)
def issue(
    new: NewApiToken,
    user: TheUser,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
) -> NewApiTokenOut:
    """Give a program a token with a role, at most one's own; the token is shown once."""
    token_id = ApiTokenId(uuid7())
    token = tokens.new_api_token(user.team_id, token_id)
    issued = ApiTokenIssued(
        team_id=user.team_id,
        token_id=token_id,
        name=new.name,
        role=new.role,
        by=user.user_id,
        token_hash=tokens.token_hash(system.instance_keys.get("token"), token),
        issued_at=datetime.now(UTC),
        expires_at=new.expires_at,
    )
    position = system.bus.handle(IssueApiToken(issued=issued), by=user.caller)
    reached(response, position)
    doorkeeper.forget(token_shelf(user.team_id))
    return NewApiTokenOut(**_facts(issued), token=token)


@router.delete("/{token_id}", status_code=204)
def revoke(
    token_id: UUID,
    user: TheUser,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
) -> None:
    """Have the token work no more, everywhere within five seconds."""
    command = RevokeApiToken(
        team_id=user.team_id, token_id=ApiTokenId(token_id), by=user.user_id
    )
    reached(response, system.bus.handle(command, by=user.caller))
    doorkeeper.forget(token_shelf(user.team_id))


def _facts(token: ApiTokenIssued) -> dict[str, Any]:
    return {
        "id": token.token_id,
        "name": token.name,
        "role": token.role,
        "created_by": token.by,
        "created_at": token.issued_at,
        "expires_at": token.expires_at,
    }
