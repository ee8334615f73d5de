"""Who calls, and whether a policy lets them: all routes but the strangers' ask it first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.security import HTTPBearer

from api.doorkeeper import Doorkeeper, SignedIn
from api.limits import count_request
from api.policies import Policies, action_of, methods_of, refuse_unjudged, routes_of
from api.waiting import asked_positions, caught_up
from api.wired import TheSystem
from domain.errors import BadSetup, Forbidden
from domain.log import FLEET

__all__ = ["NoteRead", "SignedIn", "TheDoorkeeper", "TheUser", "guarded_policies"]


def _doorkeeper(request: Request) -> Doorkeeper:
    return request.app.state.doorkeeper  # type: ignore[no-any-return]


TheDoorkeeper = Annotated[Doorkeeper, Depends(_doorkeeper)]

# Only so that the OpenAPI document says which routes ask for a token.
_documented = Depends(HTTPBearer(auto_error=False, bearerFormat="JWT"))


def _signed_in(
    request: Request,
    doorkeeper: TheDoorkeeper,
    system: TheSystem,
    _: Annotated[object, _documented],
) -> SignedIn:
    team = request.path_params.get("team_id")
    user = doorkeeper.admit(request.headers, request.state.request_id, team=team)
    count_request(system.request_limits, request.method, user.principal, user.team_id)
    action = action_of(request.method, request.scope["route"].path_format)
    policies: Policies = request.app.state.policies
    if not policies.allow(user.as_policies_see, action):
        doorkeeper.note_refusal(user, action)
        raise Forbidden
    return user


async def _answerable(
    request: Request, user: Annotated[SignedIn, Depends(_signed_in)], system: TheSystem
) -> SignedIn:
    """The fleet log is as far as `after_position` asks; views wait for themselves."""
    await caught_up(system.fleet.head, asked_positions(request).get(FLEET, 0))
    return user


TheUser = Annotated[SignedIn, Depends(_answerable)]


def _note_read(
    request: Request, user: TheUser, doorkeeper: TheDoorkeeper
) -> Callable[[str], None]:
    action = action_of(request.method, request.scope["route"].path_format)
    return lambda subject: doorkeeper.note_read(user, action, subject)


# Called with the hostname, or "" for all of the team's, where somebody takes the log away
# or looks into a bot: who reads that is recorded.
NoteRead = Annotated[Callable[[str], None], Depends(_note_read)]


def guarded_policies(routers: Iterable[APIRouter]) -> Policies:
    """The policies of these routes; `BadSetup` if a route is open that should not be.

    Each has a policy, and those that strangers may not use ask who calls.
    """
    routes = routes_of(routers)
    policies = Policies(routes)
    refuse_unjudged(policies, routes)
    for route in routes:
        asks = _signed_in in _calls(route.dependant)
        for method in methods_of(route):
            action = action_of(method, route.path_format)
            if policies.allow_strangers(action) is asks:
                msg = (
                    f'"{action}" is for strangers in api/policies/stranger.cedar, or takes '
                    "`TheUser`: one of the two, and not both."
                )
                raise BadSetup(msg)
    return policies


def _calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for one in dependant.dependencies:
        yield from _calls(one)
