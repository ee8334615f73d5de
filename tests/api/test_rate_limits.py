"""How often the control plane may be asked, and that all its processes count together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from ipaddress import ip_network
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from adapters.memory_rates import memory_limits
from adapters.rates.wiring import counted_by, redis_keeper, request_limits
from adapters.settings import Settings
from application.rates import Rate, RequestLimits
from application.readiness import Dependency, Look
from tests.api.front import PASSWORD, Front, front_of
from tests.api.system import System, in_memory, on_postgres
from tests.api.test_fleet_admin import an_operator

NEW_BOT = {"name": "Ada", "hostname": "ada-1"}
STRANGER = "203.0.113.7"


def limited(**rates: int) -> RequestLimits:
    """The usual limits, but for these; an hour long, so that no window ends meanwhile."""
    usual = memory_limits()
    few = {
        name: replace(getattr(usual, name), most=most, seconds=3600)
        for name, most in rates.items()
    }
    return replace(usual, **few)


@contextmanager
def front_with(**rates: int) -> Iterator[Front]:
    system = in_memory()
    system.request_limits = limited(**rates)
    with front_of(system) as front:
        yield front


def status_from(front: Front, peer: str, path: str = "/health") -> int:
    """What a client at that address is answered."""
    client = TestClient(front.client.app, client=(peer, 40_000))
    return client.get(path).status_code


def test_a_user_who_writes_too_often_waits_and_may_still_read() -> None:
    with front_with(writes=3) as front:
        ada, eve = front.someone(), front.someone()

        def write(headers: dict[str, str]) -> int:
            return front.client.post("/api/bot", json={}, headers=headers).status_code

        assert [write(ada) for _ in range(4)] == [422, 422, 422, 429]
        answer = front.client.post("/api/bot", json=NEW_BOT, headers=ada)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "rate-limited"
        wait = int(answer.headers["retry-after"])
        assert 1 <= wait <= 3600
        assert answer.headers["ratelimit-policy"] == '"write";q=3;w=3600'
        assert answer.headers["ratelimit"] == f'"write";r=0;t={wait}'
        assert front.client.get("/api/bot", headers=ada).status_code == 200
        assert write(eve) == 422


def test_a_user_who_reads_too_often_waits_and_may_still_write() -> None:
    with front_with(reads=2) as front:
        ada = front.someone()
        seen = [front.client.get("/api/bot", headers=ada).status_code for _ in range(3)]
        assert seen == [200, 200, 429]
        answer = front.client.post("/api/bot", json=NEW_BOT, headers=ada)
        assert answer.status_code == 201


def test_a_write_that_is_answered_from_memory_counts_as_one() -> None:
    with front_with(writes=3) as front:
        headers = front.someone() | {"Idempotency-Key": "once"}
        answers = [
            front.client.post("/api/bot", json=NEW_BOT, headers=headers).status_code
            for _ in range(5)
        ]
        assert answers == [201, 201, 201, 429, 429]


def test_whoever_it_is_a_peer_may_ask_so_often_before_anything_is_looked_at() -> None:
    with front_with(requests=2) as front:
        statuses = [status_from(front, STRANGER) for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert status_from(front, STRANGER, "/api/bot") == 429
        assert status_from(front, f"::ffff:{STRANGER}") == 429
        assert status_from(front, "203.0.113.8") == 200
        assert status_from(front, "2001:db8::1") == 200
        assert status_from(front, "2001:db8::2") == 200
        assert status_from(front, "2001:db8::3") == 429, "who has one of a /64 has all"
        assert status_from(front, "2001:db8:0:1::1") == 200


def test_no_header_makes_a_peer_another() -> None:
    with front_with(requests=1) as front:
        client = TestClient(front.client.app, client=(STRANGER, 40_000))
        assert client.get("/health").status_code == 200
        for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
            answer = client.get("/health", headers={header: "198.51.100.1"})
            assert answer.status_code == 429


def test_an_address_that_many_share_is_held_to_no_limit_of_its_own() -> None:
    with front_with(requests=1) as front:
        limits = front.system.request_limits
        shared = (ip_network("203.0.113.0/24"),)
        front.system.request_limits = replace(limits, shared_peers=shared)
        for peer in (STRANGER, "127.0.0.1", "::1"):
            assert [status_from(front, peer) for _ in range(3)] == [200] * 3
        assert [status_from(front, "192.0.2.1") for _ in range(2)] == [200, 429]


def test_registering_is_tried_as_often_as_signing_in() -> None:
    with front_with(sign_ins=2) as front:
        new = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}

        def tries(path: str) -> list[int]:
            url = f"/api/auth/{path}"
            return [front.client.post(url, json=new).status_code for _ in range(3)]

        assert tries("register") == [201, 409, 429]
        del new["name"]
        assert tries("login") == [200, 200, 429]


def test_tries_from_elsewhere_are_not_the_accounts_own() -> None:
    with front_with(sign_ins=1) as front:
        front.registered("ada@example.com")
        wrong = {"email": "ada@example.com", "password": "not the password"}
        for peer in (STRANGER, "203.0.113.8"):
            client = TestClient(front.client.app, client=(peer, 40_000))
            tries = [client.post("/api/auth/login", json=wrong) for _ in range(2)]
            assert [answer.status_code for answer in tries] == [401, 429]


def test_the_limits_are_those_that_are_set() -> None:
    settings = Settings(
        clawbot_rate_sign_ins=1,
        clawbot_rate_writes=2,
        clawbot_rate_reads=3,
        clawbot_rate_requests_per_peer=4,
        clawbot_http_shared_peers=(ip_network("192.0.2.0/24"),),
    )
    limits = request_limits(settings, memory_limits().rates)
    found = (limits.sign_ins, limits.writes, limits.reads, limits.requests)
    assert [rate.most for rate in found] == [1, 2, 3, 4]
    assert limits.shared_peers == (ip_network("192.0.2.0/24"),)
    usual = request_limits(Settings(), memory_limits().rates)
    assert usual == replace(memory_limits(), rates=usual.rates)


class RedisIsAway:
    """Plays `Readiness`."""

    def look(self) -> Look:
        database = Dependency(name="database", ready=True)
        redis = Dependency(name="redis", ready=False, needed=False)
        return Look(dependencies=[database, redis], views=[])


def test_without_what_is_not_needed_the_work_is_done_and_health_says_so() -> None:
    system = in_memory()
    system.readiness = RedisIsAway()  # type: ignore[assignment]
    with front_of(system) as front:
        answer = front.client.get("/health/ready", headers=an_operator(front))
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        redis = {"name": "redis", "ready": False, "needed": False}
        assert redis in answer.json()["dependencies"]


@contextmanager
def two_fronts(url: str, redis_url: str | None) -> Iterator[tuple[Front, Front]]:
    """Two api processes on one database, as far as requests are counted."""
    with ExitStack() as stack:

        def front() -> Front:
            system: System = stack.enter_context(on_postgres(url))
            redis = redis_keeper(redis_url) if redis_url else None
            rates = stack.enter_context(counted_by(url, role="clawbot_api", redis=redis))
            writes = Rate(name=f"write {stack!r}", most=20, seconds=3600)
            system.request_limits = RequestLimits(rates=rates, writes=writes)
            return stack.enter_context(front_of(system))

        yield front(), front()


@pytest.mark.parametrize("with_redis", [True, False])
def test_two_processes_count_together(
    database_url: str, request: pytest.FixtureRequest, *, with_redis: bool
) -> None:
    redis_url = request.getfixturevalue("redis_url") if with_redis else None
    with two_fronts(database_url, redis_url) as fronts:
        email = f"{uuid4().hex}@example.com"
        ada = fronts[0].someone(email)
        wrong = {"email": email, "password": "not the password"}
        tries = [
            front.client.post("/api/auth/login", json=wrong).status_code
            for _ in range(6)
            for front in fronts
        ]
        assert tries == [401] * 10 + [429] * 2
        writes = [
            front.client.post("/api/bot", json={}, headers=ada).status_code
            for _ in range(11)
            for front in fronts
        ]
        assert writes == [422] * 20 + [429] * 2
