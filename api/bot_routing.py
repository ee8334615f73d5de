"""`/api/bot/{hostname}/routing`: where the bot's `auto` calls go."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.bot_reading import Bots, TheBots
from api.callers import TheUser
from api.past import Past, ThePast
from api.positions import ExpectedVersion, reached, tag_version
from api.strict_domain import A_POLICY
from api.wired import TheSystem
from application.routing import SetBotRouting
from domain.errors import NotFound
from domain.log import FLEET
from domain.routing_policy import RoutingPolicy
from projections.route_projectors import BotRoutesProjector
from projections.route_table import BotRoute
from projections.view import row_of

router = APIRouter(prefix="/api/bot/{hostname}/routing", tags=["routing"])

NewPolicy = Annotated[RoutingPolicy | None, A_POLICY]


class PrimaryOut(BaseModel):
    """No policy: calls go to the primary model that the bot's provider links name."""

    mode: Literal["direct"] = "direct"
    target: None = None


PolicyOut = RoutingPolicy | PrimaryOut


@router.get("")
def routing(
    hostname: str,
    past: ThePast,
    bots: TheBots,
    system: TheSystem,
    response: Response,
) -> PolicyOut:
    """The bot's policy as it stands, or as it stood `at` a time or a position."""
    if past is None:
        reached(response, system.fleet.head())
    return _shown(bots, hostname, response, past)


@router.put("")
def route(  # noqa: PLR0913, PLR0917 - what the framework hands in
    hostname: str,
    policy: NewPolicy,
    user: TheUser,
    bots: TheBots,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> PolicyOut:
    """Send the bot's `auto` calls elsewhere from now on.

    `{"mode": "direct", "target": null}`: to its primary model.
    """
    command = SetBotRouting(
        team_id=user.team_id,
        hostname=hostname,
        policy=policy,
        expected_version=expected,
    )
    reached(response, system.bus.handle(command, by=user.caller))
    return _shown(bots, hostname, response)


def _shown(
    bots: Bots, hostname: str, response: Response, past: Past | None = None
) -> PolicyOut:
    row = bot_route(bots, hostname, past)
    tag_version(response, bots.history(hostname, past)[-1].originator_version)
    return row.routing or PrimaryOut()


def bot_route(bots: Bots, hostname: str, past: Past | None = None) -> BotRoute:
    """The bot as proxies know it, from its own stream; refused if there is none."""
    row = row_of(BotRoutesProjector(), FLEET, bots.history(hostname, past))
    if row is None:
        raise NotFound
    return row
