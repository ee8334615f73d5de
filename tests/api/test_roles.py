"""Who may do what: every route of the OpenAPI document, for every role, asked over HTTP.

What is expected is written here a second time, apart from the policies: a change of either
alone is noticed. A route that this file does not know how to judge fails its own test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from fastapi import APIRouter

from api.app import ROUTERS
from api.callers import TheUser, guarded_policies
from api.policies import principal_of
from domain.errors import BadSetup
from domain.roles import Role
from tests.api.front import Front, front_of
from tests.api.route_bodies import BODIES
from tests.api.system import in_memory
from tests.api.test_every_route import DOCUMENT, GUARDED, PUBLIC, filled, ids_of

NO = "The caller's role does not allow this"
ALL = frozenset(Role)
ADMINS = frozenset({Role.OWNER, Role.ADMIN})
MEMBERS = ADMINS | {Role.MEMBER}
AUDITORS = ADMINS | {Role.AUDITOR}
NOBODY: frozenset[Role] = frozenset()

BY_TAG = {  # who reads, who writes
    "audit": (AUDITORS, NOBODY),
    "bots": (ALL, MEMBERS),
    "calls": (ALL, NOBODY),
    "catalogs": (ALL, MEMBERS),
    "provider keys": (ALL, ADMINS),
    "quotas": (ALL, ADMINS),
    "routing": (ALL, MEMBERS),
    "sign-in": (ALL, ALL),
    "teams": (ALL, ADMINS),
    "api tokens": (ALL, ALL),
    "usage": (ALL, NOBODY),
    "webhooks": (ADMINS, ADMINS),
    "notices": (ALL, ALL),
    "invoices": (ALL, ADMINS),
}
BY_ROUTE = {
    ("POST", "/api/team"): ALL,
    ("DELETE", "/api/team/{team_id}/member/{user_id}"): ALL,
    ("GET", "/api/team/{team_id}/invitation"): ADMINS,
    ("POST", "/api/routing/what-if"): ALL,
    ("POST", "/api/bot/{hostname}/routing/test"): ALL,
    ("POST", "/api/routing/model-prices"): ADMINS,
    ("PUT", "/api/routing/model-prices/{price_id}"): ADMINS,
    ("DELETE", "/api/routing/model-prices/{price_id}"): ADMINS,
}
OPERATORS = {
    ("GET", "/api/bot/admin/orphans"),
    ("POST", "/api/bot/admin/cleanup"),
}
# What is named is not the team's: it is of no team, unknown, or not sealed yet.
NOT_THERE = {
    ("GET", "/api/vendor/{vendor_id}"),
    ("DELETE", "/api/auth/mobile"),
    ("POST", "/api/auth/oidc/{provider}/link"),
    ("DELETE", "/api/auth/identity/{provider}"),
    ("POST", "/api/invitation/{token}/accept"),
    ("POST", "/api/team/{team_id}/member"),
    ("GET", "/api/audit/proof/{log_index}"),
    ("GET", "/api/channel/{channel_type}"),
    # `ids_of` names a channel that is out of reach, and a plugin where a skill belongs.
    ("POST", "/api/bot/{hostname}/channels/{channel_id}/test"),
    ("POST", "/api/bot/{hostname}/skills"),
    ("GET", "/api/bot/{hostname}/skills/{install_id}"),
    ("PUT", "/api/bot/{hostname}/skills/{install_id}"),
    ("DELETE", "/api/bot/{hostname}/skills/{install_id}"),
}
PERSONAL = (
    "GET /api/auth/me",
    "POST /api/team",
    "PATCH /api/team/{team_id}/member/{user_id}",
    "POST /api/invitation/{token}/accept",
)
# Ends the sessions or takes the person out, so the roles that follow would not be there.
LAST = {
    ("POST", "/api/auth/logout"),
    ("DELETE", "/api/auth/session/{session_id}"),
}


def may(method: str, path: str) -> frozenset[Role]:
    """Who is expected to be allowed."""
    if (method, path) in OPERATORS:
        return NOBODY
    if (method, path) in BY_ROUTE:
        return BY_ROUTE[method, path]
    (tag,) = DOCUMENT["paths"][path][method.lower()]["tags"]
    assert tag in BY_TAG, f"say in BY_TAG who reads and writes {tag!r}"
    reads, writes = BY_TAG[tag]
    return reads if method == "GET" else writes


@dataclass
class Crew:
    """A person for each role, and a team for each question."""

    front: Front
    people: dict[Role, dict[str, Any]] = field(default_factory=dict)
    founded: int = 99  # as many as a person may have: new people are needed

    def team(self) -> dict[Role, dict[str, str]]:
        """The headers of each role in a new team."""
        if self.founded >= 90:
            self.people = {role: self.front.registered() for role in Role}
            self.founded = 0
        self.founded += 1
        owner = self.front.bearer(self.people[Role.OWNER])
        new = self.front.client.post("/api/team", json={"name": "Ours"}, headers=owner)
        team_id = new.json()["id"]
        for role in ALL - {Role.OWNER}:
            member = {"user_id": self.people[role]["user"]["id"], "role": role}
            path = f"/api/team/{team_id}/member"
            answer = self.front.client.post(path, json=member, headers=owner)
            assert answer.status_code == 201, answer.text
        named = {"X-Team-Id": team_id}
        return {role: self.front.bearer(self.people[role]) | named for role in Role}


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with front_of(in_memory()) as front:
        yield Crew(front)


def ask(crew: Crew, method: str, url: str, path: str, headers: dict[str, str]) -> Any:
    body = BODIES.get((method, path))
    query = {"follow": "false"} if path == "/api/events/stream" else None  # else no end
    request = crew.front.client.request
    return request(method, url, json=body, params=query, headers=headers)


def refused(answer: Any) -> bool:
    """Whether a policy said no, and not the thing itself."""
    body = answer.json() if answer.status_code == 403 else {}
    return bool(body) and (body["code"], body["title"]) == ("forbidden", NO)


@pytest.mark.parametrize(("method", "path"), [r for r in GUARDED if r not in LAST])
def test_a_role_may_do_what_is_written_and_nothing_else(
    crew: Crew, method: str, path: str
) -> None:
    team, allowed = crew.team(), may(method, path)
    ids = ids_of(crew.front, team[Role.OWNER])
    ids["user_id"] = crew.people[Role.VIEWER]["user"]["id"]
    url = filled(path, ids)
    for role in sorted(ALL - allowed):
        assert refused(ask(crew, method, url, path, team[role])), role
    answers = {
        role: ask(crew, method, url, path, team[role]) for role in Role if role in allowed
    }
    for role, answer in answers.items():
        assert answer.status_code < 500, (role, answer.text)
        assert answer.status_code != 401, role
        assert answer.status_code != 403 or not refused(answer), role
    if answers and (method, path) not in NOT_THERE:
        assert answers[Role.OWNER].status_code != 404, "the owner finds what is theirs"


@pytest.mark.parametrize(("method", "path"), [r for r in GUARDED if "{" in r[1]])
def test_what_is_anothers_is_as_if_it_were_not_there_in_every_role(
    crew: Crew, method: str, path: str
) -> None:
    """404, and 403 as ever for whoever may not do it to what is there."""
    mine, theirs = crew.team(), crew.front.someone()
    ids = ids_of(crew.front, theirs)
    absent = ids | {name: str(uuid4()) for name in ids if name.endswith("_id")}
    urls = filled(path, ids), filled(path, absent | {"hostname": "nobody"})
    head = crew.front.system.fleet.head()
    for role in Role:
        foreign, missing = (ask(crew, method, url, path, mine[role]) for url in urls)
        there = "{team_id}" in path or role in may(method, path)
        assert foreign.status_code == missing.status_code == (404 if there else 403), role
        same = ({**one.json(), "request_id": ""} for one in (foreign, missing))
        assert next(same) == next(same)
    page = crew.front.system.fleet.page(after=head, limit=100)
    assert {one.recorded.event.TOPIC for one in page.events} <= {"access.refused"}


def test_the_matrix_is_complete() -> None:
    judged = {route: may(*route) for route in GUARDED}
    assert len(judged) + len(PUBLIC) == sum(
        len(item) for item in DOCUMENT["paths"].values()
    )
    assert len({frozenset(roles) for roles in judged.values()}) >= 4


def test_a_route_without_a_policy_does_not_start() -> None:
    router = APIRouter(prefix="/api/rocket", tags=["rockets"])

    @router.post("/launch")
    def launch(user: TheUser) -> None:
        """Nobody said who may."""

    with pytest.raises(BadSetup, match=r'"POST /api/rocket/launch".*"rockets: write"'):
        guarded_policies([router])


def test_a_route_that_asks_nobody_who_they_are_does_not_start() -> None:
    router = APIRouter(prefix="/api/quota", tags=["quotas"])

    @router.get("/open")
    def everybodys() -> None:
        """It was forgotten to ask."""

    with pytest.raises(BadSetup, match="TheUser"):
        guarded_policies([router])


def test_a_refused_attempt_is_recorded_once_a_minute() -> None:
    with front_of(in_memory()) as front:
        crew = Crew(front)
        team = crew.team()
        for _ in range(3):
            front.client.get("/api/audit/events", headers=team[Role.VIEWER])
        front.client.get("/api/audit/events", headers=team[Role.MEMBER])
        front.system.pump()
        query = {"type": "access.refused"}
        seen = front.client.get(
            "/api/audit/events", params=query, headers=team[Role.AUDITOR]
        )
        assert [one["event"] for one in seen.json()["items"]] == [
            {"action": "GET /api/audit/events", "role": role}
            for role in ("member", "viewer")
        ]


def test_an_operator_is_apart_from_all_teams() -> None:
    router = APIRouter(prefix="/api/bot/admin", tags=["bots"])

    @router.get("/orphans")
    def orphans(user: TheUser) -> None:
        """What lies around."""

    @router.post("/cleanup")
    def cleanup(user: TheUser) -> None:
        """It is taken away."""

    policies = guarded_policies([router])
    for action in ("GET /api/bot/admin/orphans", "POST /api/bot/admin/cleanup"):
        for role in Role:
            assert not policies.allow(principal_of(role), action)
            assert not policies.allow(principal_of(role, program=True), action)
            assert policies.allow(principal_of(role, operator=True), action)


def test_a_program_is_no_person() -> None:
    policies = guarded_policies(ROUTERS)
    for action in PERSONAL:
        assert policies.allow(principal_of(Role.OWNER), action)
        assert not policies.allow(principal_of(Role.OWNER, program=True), action)


@pytest.mark.parametrize("role", Role)
def test_a_program_may_what_its_role_may_but_for_what_is_a_persons(role: Role) -> None:
    policies = guarded_policies(ROUTERS)
    for method, path in GUARDED:
        (tag,) = DOCUMENT["paths"][path][method.lower()]["tags"]
        persons = tag in {"sign-in", "api tokens"} or path == "/api/team"
        persons = persons or (tag == "teams" and method != "GET")
        program = principal_of(role, program=True)
        allowed = policies.allow(program, f"{method} {path}")
        assert allowed is (role in may(method, path) and not persons), (method, path)
