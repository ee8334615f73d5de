"""Who may do what: the policies in the `.cedar` files beside this one, read once.

Nothing is allowed that no policy permits. A route is the action `METHOD /path/{declared}`,
and belongs to `tag: read` or `tag: write` by its tag and method; policies name either.
Roles include each other as `domain/roles.py` says. Whose thing it is, a policy does not
judge: every route looks in the one team that the request acts in, and finds nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from importlib.resources import files
from itertools import product

from cedarpy import Entities, PolicySet, is_authorized
from fastapi import APIRouter
from fastapi.routing import APIRoute

from domain.errors import BadSetup
from domain.roles import BELOW, Role

READS = frozenset({"GET", "HEAD"})
OPERATOR = {"type": "Instance", "id": "operator"}
STRANGER = "Stranger"
KINDS = ("Person", "Program")

Principal = tuple[str, str]  # Cedar's type and id


def principal_of(role: Role, *, program: bool = False, operator: bool = False) -> Principal:
    """Whom a policy sees: what kind of caller, in which role."""
    kind = "Program" if program else "Person"
    return kind, f"{role} and operator" if operator else role.value


def action_of(method: str, path: str) -> str:
    """What a policy calls a route."""
    return f"{method} {path}"


class Policies:
    """Every decision about the routes of one app."""

    def __init__(self, routes: Iterable[APIRoute]) -> None:
        self._policies = PolicySet.from_str(policy_text())
        entities = [*_principals(), *_actions(routes)]
        self._entities = Entities.from_json_str(json.dumps(entities))
        self._decided: dict[tuple[Principal, str], bool] = {}

    def allow(self, principal: Principal, action: str) -> bool:
        """Whether some policy permits it and none forbids it."""
        asked = (principal, action)
        if asked not in self._decided:
            self._decided[asked] = self._decide(principal, action)
        return self._decided[asked]

    def allow_strangers(self, action: str) -> bool:
        """Whether it is answered to anybody."""
        return self.allow((STRANGER, "anybody"), action)

    def _decide(self, principal: Principal, action: str) -> bool:
        kind, name = principal
        request = {
            "principal": {"type": kind, "id": name},
            "action": {"type": "Action", "id": action},
            "resource": {"type": "Team", "id": "the one that is acted in"},
            "context": {},
        }
        return is_authorized(request, self._policies, self._entities).allowed


def refuse_unjudged(policies: Policies, routes: Iterable[APIRoute]) -> None:
    """`BadSetup` if there is a route that nobody at all may use: no policy names it."""
    everybody = [
        principal_of(role, program=program, operator=operator)
        for role, program, operator in product(Role, (False, True), (False, True))
    ]
    for route in routes:
        for method in methods_of(route):
            action = action_of(method, route.path_format)
            if policies.allow_strangers(action):
                continue
            if not any(policies.allow(one, action) for one in everybody):
                group = _group(route, method)
                msg = (
                    f'No policy says who may do "{action}". Name it, or all of "{group}", '
                    "in one of the files of api/policies/: viewer.cedar says what all see, "
                    "member.cedar what members change, admin.cedar the rest."
                )
                raise BadSetup(msg)


def routes_of(routers: Iterable[APIRouter]) -> list[APIRoute]:
    """Every route of the routers."""
    every = (route for router in routers for route in router.routes)
    return [route for route in every if isinstance(route, APIRoute)]


def methods_of(route: APIRoute) -> list[str]:
    """What may be asked of the route."""
    return sorted(route.methods or ())


def policy_text() -> str:
    """All policies, one file after the other."""
    folder = files(__name__)
    names = sorted(one.name for one in folder.iterdir() if one.name.endswith(".cedar"))
    return "\n".join(folder.joinpath(name).read_text("utf-8") for name in names)


def _group(route: APIRoute, method: str) -> str:
    tag = str(route.tags[0]) if route.tags else "untagged"
    return f"{tag}: {'read' if method in READS else 'write'}"


def _actions(routes: Iterable[APIRoute]) -> Iterator[dict[str, object]]:
    for route in routes:
        for method in methods_of(route):
            action = {"type": "Action", "id": action_of(method, route.path_format)}
            group = {"type": "Action", "id": _group(route, method)}
            yield {"uid": action, "attrs": {}, "parents": [group]}


def _principals() -> Iterator[dict[str, object]]:
    for role, below in BELOW.items():
        parents = [{"type": "Role", "id": one.value} for one in below]
        yield {"uid": {"type": "Role", "id": role.value}, "attrs": {}, "parents": parents}
    for role, program, operator in product(Role, (False, True), (False, True)):
        kind, name = principal_of(role, program=program, operator=operator)
        groups = [{"type": "Role", "id": role.value}, *([OPERATOR] if operator else [])]
        yield {"uid": {"type": kind, "id": name}, "attrs": {}, "parents": groups}
