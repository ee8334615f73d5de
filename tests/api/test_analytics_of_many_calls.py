"""Pages about ten million calls are fast, and agree; a few thousand agree always.

The long form (`make soak`) takes CLAWBOT_SOAK_CALLS calls, ten million unless it is told
otherwise, and prints what it measures. The calls are spread over three months, most of them
one team's, whose forty bots use six models of three vendors.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.bootstrap.followers import event_logs
from adapters.follower import Reader
from adapters.rebuild import PAGE
from application.event_log import Caller, EventLog, Stream, acting
from domain.calls import Call, CallAbandoned, CallEvent, CallFacts, CallRefused
from domain.log import CALLS
from domain.usage import UNKNOWN
from projections.call_log import CallLogProjector
from projections.usage_rollup import UsageRollupProjector
from tests.api.calls import admitted, settled
from tests.api.front import PASSWORD, Front
from tests.faults.reckoning import tell
from tests.garbage import as_in_a_process_of_its_own
from tests.projections.given_logs import database

FEW = 1_000
MANY = int(os.environ.get("CLAWBOT_SOAK_CALLS", "10000000"))
AT_ONCE = 1_000
BEGAN = datetime(2026, 3, 1, 0, 0, 17, tzinfo=UTC)
SPAN = timedelta(days=90)
MODELS = {f"m{n}": f"vendor-{n % 3}" for n in range(6)}
KEYS = {vendor: uuid4() for vendor in set(MODELS.values())}
BOTS = [(uuid4(), f"bot-{n}") for n in range(40)]
OTHERS = uuid4()
VIEWS = (CallLogProjector.name, UsageRollupProjector.name)
SUMS = ("calls", "settled", "errors", "input_tokens", "output_tokens", "cost_micro_usd")
GROUPS = ("bot", "vendor", "model", "provider_key", "member", "status", "source")
P95_MS = 150
TRIES = 20


def a_call(dice: Random, team_id: UUID, at: datetime) -> list[CallEvent]:
    """One call, as it is recorded: most are settled, within a second or some."""
    bot, model = dice.randrange(len(BOTS)), f"m{dice.randrange(6)}"
    bot_id, hostname = BOTS[bot]
    facts = CallFacts(
        team_id=team_id if dice.random() < 0.9 else OTHERS,
        bot_id=bot_id,
        hostname=hostname,
        vendor=MODELS[model],
        model=model,
        requested_model=model,
        provider_key_id=KEYS[MODELS[model]],
        admitted_at=at,
    )
    fate = dice.random()
    if fate < 0.03:
        return [CallRefused(facts=facts, code="quota-exceeded")]
    if fate < 0.035:
        return [admitted(facts), CallAbandoned(facts=facts, usage=UNKNOWN)]
    took = round(dice.lognormvariate(7, 1))
    end = replace(
        settled(facts, dice.randrange(4000)),
        http_status=429 if fate > 0.98 else 200,
        duration_ms=took,
        first_byte_ms=took // 4,
    )
    return [admitted(facts), end]


def fill(log: EventLog, team_id: UUID, count: int) -> int:
    """So many calls are recorded, at even distances; how many events that is."""
    dice, events = Random(20261122), 0
    moments = (BEGAN + SPAN * n / count for n in range(count))
    with acting(Caller("bot:test", team_id, "request-7")):
        while some := list(islice(moments, AT_ONCE)):
            calls = [a_call(dice, team_id, at) for at in some]
            log.append_all(*((Stream(uuid4(), 0, Call()), one) for one in calls))
            events += sum(map(len, calls))
    return events


class Asked:
    """Whoever looks at the pages."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self._email = f"{uuid4().hex}@example.com"
        account = front.registered(self._email)
        self.team_id = UUID(account["team"]["id"])
        self._headers = front.bearer(account)

    def sign_in(self) -> None:
        """As whoever comes back after hours of recording."""
        who = {"email": self._email, "password": PASSWORD}
        answer = self.front.client.post("/api/auth/login", json=who)
        self._headers = self.front.bearer(answer.json())

    def get(self, path: str, **query: str) -> Any:
        answer = self.front.client.get(
            f"/api/usage/{path}", params=query, headers=self._headers
        )
        assert answer.status_code == 200, answer.text
        return answer

    def agree(self, query: dict[str, str], granularity: str) -> int:
        """Every way of asking gives the same numbers at one position; how many calls."""
        whole = self.get("summary", **query)
        parts = [self.get("trend", granularity=granularity, **query)]
        parts += [self.get("breakdown", group_by=group, **query) for group in GROUPS]
        said = whole.json()
        for part in parts:
            assert part.headers["x-log-position"] == whole.headers["x-log-position"]
            for name in SUMS:
                total = sum(item[name] or 0 for item in part.json()["items"])
                assert total == (said[name] or 0), (query, name)
        return int(said["calls"])


def questions(dice: Random) -> Iterator[tuple[dict[str, str], str]]:
    """Filters and steps of any kind, with ends in the middle of minutes."""
    while True:
        ends = sorted(BEGAN + SPAN * dice.random() for _ in range(2))
        named: dict[str, str] = {
            "from": ends[0].isoformat(),
            "to": ends[1].isoformat(),
            "bot": dice.choice(BOTS)[1],
            "model": dice.choice(list(MODELS)),
            "status": dice.choice(["settled", "refused", "abandoned"]),
        }
        asked = {name: value for name, value in named.items() if dice.random() < 0.4}
        yield asked, dice.choice(["hour", "day", "week", "month"])


def pages(dice: Random) -> dict[str, tuple[str, dict[str, str]]]:
    """Each page once, with ends and names of its own."""
    end = BEGAN + SPAN * dice.uniform(0.6, 1)
    bot, model = dice.choice(BOTS)[1], dice.choice(list(MODELS))

    def last(**time: float) -> dict[str, str]:
        return {"from": (end - timedelta(**time)).isoformat(), "to": end.isoformat()}

    found: dict[str, tuple[str, dict[str, str]]] = {
        "summary": ("summary", {}),
        "summary, 30 days": ("summary", last(days=30)),
        "summary, 30 days, bot": ("summary", last(days=30) | {"bot": bot}),
        "summary, bot and model": ("summary", {"bot": bot, "model": model}),
        "trend by minute, an hour": ("trend", last(hours=1) | {"granularity": "minute"}),
        "trend by minute, a day": ("trend", last(days=1) | {"granularity": "minute"}),
        "trend by hour, 7 days": ("trend", last(days=7)),
        "trend by hour, 30 days, model": ("trend", last(days=30) | {"model": model}),
        "trend by day": ("trend", {"granularity": "day"}),
        "trend by month, bot": ("trend", {"granularity": "month", "bot": bot}),
        "calls": ("calls", {}),
        "calls, bot": ("calls", {"bot": bot}),
        "calls, abandoned": ("calls", {"status": "abandoned"}),
        "calls, a key never used": ("calls", {"provider_key": str(uuid4())}),
        "calls, 30 days ago": ("calls", last(days=30) | {"limit": "100"}),
    }
    for group in GROUPS:
        found[f"breakdown by {group}"] = "breakdown", {"group_by": group}
        found[f"breakdown by {group}, 30 days"] = (
            "breakdown",
            last(days=30) | {"group_by": group},
        )
    return found


def middle_and_p95(took: list[float]) -> tuple[float, float]:
    parts = statistics.quantiles(took, n=20, method="inclusive")
    return parts[9], parts[-1]


def recorded_and_read(asked: Asked, url: str, count: int) -> None:
    """The calls are in the log, and the two views have read them."""
    with database(url, "clawbot_proxy") as proxy:
        began = time.monotonic()
        events = fill(event_logs(proxy)[CALLS], asked.team_id, count)
        tell(
            f"{events} events recorded, {events / (time.monotonic() - began):,.0f} a second"
        )
    reader = Reader(asked.front.system.calls, size=PAGE)
    followers = [one for one in asked.front.system.followers if one.name in VIEWS]
    spent = dict.fromkeys(VIEWS, 0.0)
    page = reader.page(0)
    while page.events:
        for follower in followers:
            began = time.monotonic()
            follower.take(page)
            spent[follower.name] += time.monotonic() - began
        page = reader.page(page.upto)
    for name, seconds in spent.items():
        tell(f"{name} is there: {events / seconds:,.0f} events a second")
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("ANALYZE")


def test_whatever_is_asked_of_some_calls_agrees(real: Front, database_url: str) -> None:
    asked = Asked(real)
    recorded_and_read(asked, database_url, FEW)
    most = max(asked.agree(*one) for one in islice(questions(Random(7)), 4))
    assert asked.agree({}, "day") >= most > 0


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_pages_of_many_calls_are_fast_and_agree(
    real: Front, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, dice, slow = Asked(real), Random(7), {}
    with capsys.disabled():
        recorded_and_read(asked, database_url, MANY)
    asked.sign_in()
    for question in islice(questions(dice), 100):
        asked.agree(*question)
    times: dict[str, list[float]] = {}
    asked.sign_in()
    with as_in_a_process_of_its_own():
        for _ in range(TRIES):
            for name, (path, query) in pages(dice).items():
                began = time.monotonic()
                asked.get(path, **query)
                times.setdefault(name, []).append((time.monotonic() - began) * 1000)
    for name, took in sorted(times.items()):
        p50, p95 = middle_and_p95(took)
        with capsys.disabled():
            tell(f"{name:<36} p50 {p50:6.1f} ms  p95 {p95:6.1f} ms")
        if p95 > P95_MS:
            slow[name] = round(p95)
    assert slow == {}
