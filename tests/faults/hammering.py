"""Many clients and several proxies at budgets that are always nearly used up.

The models have a price, a micro-dollar a token. A budget is raised all the time to a little
more than what is used of it, so that calls go on, and many are refused.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import psycopg

from adapters.bench.running import free_port
from application.model_prices import SetModelPrice
from application.quotas import EditQuota, SetQuota
from domain.ids import QuotaId, TeamId
from domain.model_prices import Rates
from domain.quotas import Metric, Mode, QuotaSet, Scope, ScopeKind, Window
from tests.faults.load import Kind, Load, Outcome, chat, gemini, messages
from tests.journeys.plane import DataPlane, TestBot
from tests.journeys.proxy_process import START_SECONDS, ProxyProcess, until

ROOM = {Metric.TOKENS: 9_000, Metric.COST_MICRO_USD: 8_000, Metric.REQUESTS: 9}
RAISE_SECONDS = 0.3
REFUSED_PAUSE = 0.05
LOOK_SECONDS = 1.0


def limited(kind: Kind, most: int) -> Kind:
    """That asks for at most so many tokens."""
    return replace(kind, body={**kind.body, "max_tokens": most})


KINDS = (
    limited(chat("+tokens=40"), 60),
    limited(chat("+tokens=40"), 600),
    chat("+tokens=90+slow=80"),  # holds all there is
    limited(chat("+tokens=60+pace=2", stream=True), 100),
    chat("+tokens=1500", stream=True),  # extends its hold
    chat("+tokens=6000", stream=True),  # and is cut in the end
    chat("+tokens=300+cut=60+pace=2", stream=True),
    chat("+tokens=2000+pace=1", stream=True, hangs_up=True),
    limited(chat("+nousage"), 40),
    chat("+status=500"),
    messages("+tokens=30"),
    messages("+tokens=80+pace=2", stream=True),
    gemini("+tokens=1200", stream=True),
    gemini("+tokens=50"),
)


def model_of(directives: str) -> str:
    """One model for all calls of a kind: it has a price."""
    return f"m{directives}"


class Hammer(Load):
    """Clients that come again soon after they were refused."""

    async def _one(self, client: httpx.AsyncClient, url: str, kind: Kind) -> Outcome:
        outcome = await super()._one(client, url, kind)
        if outcome.status == 429:
            await asyncio.sleep(REFUSED_PAUSE)
        return outcome


def set_prices(plane: DataPlane) -> None:
    """What the team pays for the models of every kind."""
    rates = Rates(input=1_000_000, output=1_000_000)
    asked = {(kind.path.split("/")[1], model_of(kind.directives)) for kind in KINDS}
    for vendor, model in asked:
        priced = SetModelPrice(
            team_id=plane.team_id, vendor=vendor, model=model, rates=rates
        )
        plane.control.bus.handle(priced, by=plane.by)


@dataclass
class Allowances:
    """The quotas of one bot's calls, and their limits."""

    plane: DataPlane
    bot: TestBot
    limits: dict[QuotaId, int] = field(default_factory=dict)
    metrics: dict[QuotaId, Metric] = field(default_factory=dict)

    def set(self, kind: ScopeKind, scope_id: UUID, metric: Metric, window: Window) -> None:
        quota_id = QuotaId(uuid4())
        asked = QuotaSet(
            team_id=self.plane.team_id,
            scope=Scope(kind=kind, id=str(scope_id)),
            metric=metric,
            window=window,
            limit=ROOM[metric],
            time_zone="UTC",
            warn_at_permille=800,
            mode=Mode.BLOCK,
        )
        self.plane.control.bus.handle(
            SetQuota(quota_id=quota_id, quota=asked), by=self.plane.by
        )
        self.limits[quota_id], self.metrics[quota_id] = ROOM[metric], metric

    def lift(self, settled: Mapping[UUID, int]) -> None:
        """There is a little room again behind what was used; a limit never falls."""
        for quota_id, limit in self.limits.items():
            wanted = settled.get(quota_id, 0) + ROOM[self.metrics[quota_id]]
            if wanted > limit:
                self.plane.control.bus.handle(
                    EditQuota(
                        quota_id=quota_id,
                        team_id=self.plane.team_id,
                        limit=wanted,
                        warn=False,
                        warn_at_permille=None,
                        mode=None,
                        raised=None,
                        expected_version=None,
                        now=datetime.now(UTC),
                    ),
                    by=self.plane.by,
                )
                self.limits[quota_id] = wanted


SETTLED_NOW = """
SELECT DISTINCT ON (quota_id) quota_id, settled FROM quota_balance
ORDER BY quota_id, window_start DESC
"""
# How long calls have been open, and how long ago the lease of the process ended that has
# admitted them: in seconds, the most of each.
OPEN = """
SELECT COALESCE(max(extract(epoch FROM now() - a.at)), 0)::float,
       COALESCE(max(extract(epoch FROM now() - l.ends_at)), 0)::float
FROM (
    SELECT originator_id, (said ->> 'at')::timestamptz AS at,
           (said -> 'event' ->> 'process_id')::uuid AS process_id
    FROM (
        SELECT originator_id, convert_from(state, 'UTF8')::json AS said
        FROM calls_events WHERE originator_version = 1 AND topic = 'call.admitted'
    ) AS s
) AS a JOIN call_lease AS l USING (process_id)
WHERE NOT EXISTS (
    SELECT FROM calls_events AS e WHERE e.originator_id = a.originator_id
    AND e.topic IN ('call.settled', 'call.abandoned')
)
"""


@contextmanager
def proxies(plane: DataPlane, count: int) -> Iterator[list[ProxyProcess]]:
    """So many proxies on the plane's database, its own among them."""
    with ExitStack() as stack:
        found = [plane.proxy]
        for _ in range(count - 1):
            other = plane.proxy.beside(free_port())
            other.spawn()
            stack.callback(other.stop)
            found.append(other)
        for one in found:
            until(one.answers, seconds=START_SECONDS)
        yield found
        for one in found:
            one.stop()
            assert not one.bugs()


def under_one_budget(plane: DataPlane) -> Allowances:
    """Tokens, of the one bot that calls, for ever."""
    allowances = Allowances(plane, plane.new_bot())
    allowances.set(ScopeKind.BOT, allowances.bot.bot_id, Metric.TOKENS, Window.TOTAL)
    return allowances


def under_three_budgets(plane: DataPlane) -> Allowances:
    """Of another team: its own, its bot's, and its key's."""
    other = replace(plane, team_id=TeamId(uuid4()), keys={})
    keys = [other.key_of(vendor) for vendor in plane.keys]
    allowances = Allowances(other, other.new_bot())
    allowances.set(ScopeKind.TEAM, other.team_id, Metric.TOKENS, Window.HOUR)
    bot_id = allowances.bot.bot_id
    allowances.set(ScopeKind.BOT, bot_id, Metric.COST_MICRO_USD, Window.DAY)
    allowances.set(ScopeKind.PROVIDER_KEY, keys[0], Metric.REQUESTS, Window.MINUTE)
    return allowances


@dataclass
class Hammering:
    """What goes on behind a test: calls, limits that are lifted, and a look at holds."""

    loads: list[Hammer]
    over: threading.Event = field(default_factory=threading.Event)
    longest_open: float = 0.0  # seconds, of an admitted call without an end
    longest_left: float = 0.0  # seconds that one had no end after its lease had ended

    @property
    def statuses(self) -> Counter[int | None]:
        """How calls were answered."""
        return Counter(one.status for load in self.loads for one in load.outcomes)

    def lift(self, url: str, allowances: list[Allowances]) -> None:
        """Until it is over."""
        with psycopg.connect(url, autocommit=True) as connection:
            while not self.over.wait(RAISE_SECONDS):
                settled: dict[UUID, int] = dict(connection.execute(SETTLED_NOW).fetchall())
                for one in allowances:
                    one.lift(settled)

    def look(self, url: str) -> None:
        """Until it is over."""
        with psycopg.connect(url, autocommit=True) as connection:
            while not self.over.wait(LOOK_SECONDS):
                row = connection.execute(OPEN).fetchone()
                assert row is not None
                self.longest_open = max(self.longest_open, row[0])
                self.longest_left = max(self.longest_left, row[1])


@contextmanager
def hammered(
    plane: DataPlane, found: list[ProxyProcess], *, seed: int
) -> Iterator[Hammering]:
    """16 clients at one budget and 16 at three, for as long as the block lasts."""
    urls = tuple(f"{one.url}/api/v1" for one in found)
    allowances = [under_one_budget(plane), under_three_budgets(plane)]
    loads = [
        Hammer(one.bot, urls, seed + nth, KINDS, model=model_of)
        for nth, one in enumerate(allowances)
    ]
    for one in allowances:
        set_prices(one.plane)
    hammering = Hammering(loads)
    with ThreadPoolExecutor(len(loads) + 2) as pool:
        running = [pool.submit(load.run) for load in loads]
        behind = [
            pool.submit(hammering.lift, plane.database_url, allowances),
            pool.submit(hammering.look, plane.database_url),
        ]
        try:
            yield hammering
        finally:
            for load in loads:
                load.stop()
            wait(running)
            hammering.over.set()
    for task in (*running, *behind):
        task.result()
