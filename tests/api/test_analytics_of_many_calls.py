"""Pages about ten million events of calls are fast, and agree; a few agree always.

The long form (`make soak`) records CLAWBOT_SOAK_EVENTS events, ten million unless it is
told otherwise: nearly two a call, which is admitted and then settled. It prints what it
measures; what is held to a time is the pages. `many_calls.py` says what the calls are.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.rebuild import rebuild_views
from projections.call_log import CallLogProjector
from projections.usage_rollup import UsageRollupProjector
from tests.api.front import PASSWORD, Front
from tests.api.many_calls import BEGAN, BOTS, KEYS, MODELS, SPAN, record
from tests.faults.reckoning import tell
from tests.garbage import as_in_a_process_of_its_own

FEW = 2_000
MANY = int(os.environ.get("CLAWBOT_SOAK_EVENTS", "10000000"))
VIEWS = (CallLogProjector.name, UsageRollupProjector.name)
SUMS = ("calls", "settled", "errors", "input_tokens", "output_tokens", "cost_micro_usd")
GROUPS = ("bot", "vendor", "model", "provider_key", "member", "status", "source")
P95_MS = 150
TRIES = 20


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
        model = dice.choice(list(MODELS))
        named: dict[str, str] = {
            "from": ends[0].isoformat(),
            "to": ends[1].isoformat(),
            "bot": dice.choice(BOTS)[1],
            "model": model,
            "vendor": MODELS[model],
            "provider_key": str(KEYS[MODELS[model]]),
            "status": dice.choice(["settled", "refused", "abandoned"]),
        }
        asked = {name: value for name, value in named.items() if dice.random() < 0.4}
        yield asked, dice.choice(["hour", "day", "week", "month"])


def pages(dice: Random) -> dict[str, tuple[str, dict[str, str]]]:
    """Each page once, with ends and names of its own."""
    end = BEGAN + SPAN * dice.uniform(0.6, 1)
    bot, model = {"bot": dice.choice(BOTS)[1]}, {"model": dice.choice(list(MODELS))}
    vendor = MODELS[model["model"]]
    key, settled = {"provider_key": str(KEYS[vendor])}, {"status": "settled"}
    named = {
        "bot": bot,
        "model": model,
        "status": settled,
        "bot and model": bot | model,
        "bot and status": bot | settled,
        "model and status": model | settled,
        "key and status": key | settled,
        "vendor, key and status": {"vendor": vendor} | key | settled,
        "all": bot | {"vendor": vendor} | model | key | settled,
    }

    def last(**time: float) -> dict[str, str]:
        return {"from": (end - timedelta(**time)).isoformat(), "to": end.isoformat()}

    found: dict[str, tuple[str, dict[str, str]]] = {
        "summary": ("summary", {}),
        "summary, 30 days": ("summary", last(days=30)),
        "trend by minute, an hour": ("trend", last(hours=1) | {"granularity": "minute"}),
        "trend by minute, a day": ("trend", last(days=1) | {"granularity": "minute"}),
        "trend by hour": ("trend", {}),
        "trend by hour, 7 days": ("trend", last(days=7)),
        "trend by day": ("trend", {"granularity": "day"}),
        "trend by week": ("trend", {"granularity": "week"}),
        "trend by month, bot": ("trend", {"granularity": "month"} | bot),
        "calls": ("calls", {}),
        "calls, bot": ("calls", bot),
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
        found[f"breakdown by {group}, 30 days, model and status"] = (
            "breakdown",
            last(days=30) | {"group_by": group} | model | settled,
        )
        found[f"breakdown by {group}, 30 days, bot and status"] = (
            "breakdown",
            last(days=30) | {"group_by": group} | bot | settled,
        )
    for name, asked in named.items():
        found |= {
            f"summary, 30 days, {name}": ("summary", last(days=30) | asked),
            f"trend by minute, a day, {name}": (
                "trend",
                last(days=1) | {"granularity": "minute"} | asked,
            ),
            f"trend by hour, {name}": ("trend", asked),
            f"trend by day, {name}": ("trend", {"granularity": "day"} | asked),
        }
    return found


def middle_and_p95(took: list[float]) -> tuple[float, float]:
    parts = statistics.quantiles(took, n=20, method="inclusive")
    return parts[9], parts[-1]


def recorded_and_read(asked: Asked, url: str, count: int, *, writers: int = 1) -> None:
    """So many events of calls are in the log, and the two views have read them."""
    began = time.monotonic()
    events = record(url, asked.team_id, count, writers=writers)
    took = time.monotonic() - began
    tell(f"{events} events of calls recorded, {events / took:,.0f} a second")
    began = time.monotonic()
    rebuild_views(url, VIEWS, check=False)
    took = time.monotonic() - began
    tell(f"{' and '.join(VIEWS)} are there: {events / took:,.0f} events a second")
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")


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
        recorded_and_read(asked, database_url, MANY, writers=2)
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
            tell(f"{name:<46} p50 {p50:6.1f} ms  p95 {p95:6.1f} ms")
        if p95 > P95_MS:
            slow[name] = round(p95)
    assert slow == {}
