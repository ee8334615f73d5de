"""What would become of an `auto` call: the proxy's own routing, on a table made for it.

Nothing is sent and nothing is recorded. What only a running proxy remembers is missing: how
quick targets were lately, and which keys failed a moment ago. A classifier is not asked.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from application.ports import BoundedPrices
from domain.catalog import Catalog
from domain.routing_catalog import RoutingCatalog
from domain.routing_decision import RoutingRecord
from projections.route_table import BotRoute, RouteTable
from proxy.admission import Admission
from proxy.auto import AUTO, FORMATS
from proxy.latencies import Latencies
from proxy.request_facts import read_facts
from proxy.router import Question, Router


@dataclass(frozen=True)
class StillTable:
    """Plays `Routes`: a table that nobody keeps current."""

    table: RouteTable
    current: bool = True

    async def catch_up(self) -> None:
        """It is as it is."""


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """Plays `api.wired.Rehearsal`; safe to use from threads."""

    vendors: Catalog
    catalog: RoutingCatalog
    prices_in: Callable[[RouteTable], BoundedPrices]

    def decide(
        self, table: RouteTable, bot: BotRoute, path: str, body: bytes
    ) -> RoutingRecord | None:
        """The record that the call would keep; None: no `auto` call has such a path.

        `path` as the bot would write it, whole or what follows `/auto/`; `NotReadable`.
        """
        tail = path.partition("?")[0].strip("/").removeprefix(f"api/v1/{AUTO}/")
        spoken = FORMATS.get(tail.removeprefix("v1/"))
        if spoken is None:
            return None
        admission = Admission(StillTable(table), self.vendors, token_key=b"", pass_key=b"")
        router = Router(admission, self.catalog, self.prices_in(table), Latencies())
        facts, words = read_facts(spoken, body)
        dice = random.getrandbits(48)
        question = Question(bot=bot, facts=facts, words=words, dice=dice)
        _, record = router.decided(question, router.answers(question))
        return record
