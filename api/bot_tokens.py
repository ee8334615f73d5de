"""`/api/bot/{hostname}/token`: the tokens that speak for a bot.

A token is shown once. It may be narrowed to some models, vendors and paths, and may end by
itself; a new one ends those before it after the grace time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.bot_reading import TheBots
from api.one_bot import TheOrders
from api.paging import TheCursors
from api.past import ThePastOfList
from api.positions import reached
from api.shapes import Body, Models, Moment, Page, PastListQuery, unique
from api.tokens import new_bot_token, token_hash
from api.vendors import vendor_of
from api.wired import TheSystem, Wired
from application.bot_lifecycle import RevokeBotTokens
from application.bots import IssueBotToken
from domain.bot_events import BotTokenIssued, TokenKind, TokenScope
from domain.errors import InvalidFields
from domain.log import FLEET
from domain.token_paths import LONGEST_PATH, MOST_PATHS
from projections.bot_tokens import token_id
from projections.route_projectors import BotRoutesProjector
from projections.view import row_of

router = APIRouter(prefix="/api/bot/{hostname}/token", tags=["bots"])

LONGEST_GRACE = 7 * 24 * 3600  # seconds
Vendor = Annotated[str, Field(min_length=1, max_length=64)]
PathGlob = Annotated[
    str, Field(min_length=1, max_length=LONGEST_PATH, pattern=r"^[A-Za-z0-9._~:+,=/*-]+$")
]


class NewToken(Body):
    """What is left out is not narrowed."""

    grace_seconds: Annotated[int, Field(ge=0, le=LONGEST_GRACE)] = 600
    models: Models = Field(default=[])
    vendors: list[Vendor] = Field(default=[], max_length=50)
    paths: list[PathGlob] = Field(default=[], max_length=MOST_PATHS)
    expires_at: Moment | None = None


class TokenOut(BaseModel):
    """The token is shown here and nowhere else; older ones work until `previous_end_at`."""

    bot_token: str
    id: str
    previous_end_at: datetime
    expires_at: datetime | None


class ListedToken(BaseModel):
    """A token that works, or works on for its grace time."""

    id: str
    kind: TokenKind
    models: list[str]
    vendors: list[str]
    paths: list[str]
    issued_at: datetime
    ends_at: datetime | None


@router.post("")
def new_token(
    orders: TheOrders,
    system: TheSystem,
    wanted: NewToken | None = None,
) -> TokenOut:
    """A new token; the ones before it work for the grace time."""
    asked = wanted or NewToken()
    token, now = new_bot_token(), datetime.now(UTC)
    scope = _scope(asked, system, now)
    end = now + timedelta(seconds=asked.grace_seconds)
    hashed = token_hash(system.instance_keys.get("token"), token)
    order = partial(IssueBotToken, token_hash=hashed, previous_end_at=end, scope=scope)
    orders.give(order)
    return TokenOut(
        bot_token=token,
        id=token_id(hashed),
        previous_end_at=end,
        expires_at=scope.expires_at,
    )


@router.get("")
def of_bot(  # noqa: PLR0913, PLR0917 - what the framework hands in
    hostname: str,
    query: Annotated[PastListQuery, Query()],
    past: ThePastOfList,
    bots: TheBots,
    system: TheSystem,
    cursors: TheCursors,
    response: Response,
) -> Page[ListedToken]:
    """The tokens that work, the newest first; `at` a time or a position, that worked."""
    if past is None:
        reached(response, system.fleet.head())
    history = bots.history(hostname, past)
    now = datetime.now(UTC) if past is None else past.time
    issued = {
        event.token_hash: recorded.at
        for recorded in history
        if isinstance(event := recorded.event, BotTokenIssued)
    }
    row = row_of(BotRoutesProjector(), FLEET, history)
    tokens = () if row is None or row.quarantined else row.tokens
    shown = [
        ListedToken(
            id=token.id,
            kind=token.kind,
            models=list(token.scope.models),
            vendors=list(token.scope.vendors),
            paths=list(token.scope.paths),
            issued_at=issued[token.token_hash],
            ends_at=token.ends_at,
        )
        for token in tokens
        if token.ends_at is None or token.ends_at > now
    ]
    return cursors.whole(shown, query, lambda one: one.id)


@router.delete("", status_code=204)
def revoke(orders: TheOrders) -> None:
    """No token of the bot works any more; a running container is given a new one."""
    orders.give(RevokeBotTokens)


def _scope(asked: NewToken, system: Wired, now: datetime) -> TokenScope:
    if asked.expires_at is not None and asked.expires_at <= now:
        raise InvalidFields(expires_at="in-the-past")
    return TokenScope(
        models=unique(asked.models),
        vendors=tuple(vendor_of(system.catalog, one).id for one in unique(asked.vendors)),
        paths=unique(asked.paths),
        expires_at=asked.expires_at,
    )
