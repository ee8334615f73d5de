"""Calls of a team's bot that routing sent somewhere, for what is asked about the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from application.event_log import Caller, acting
from domain.calls import Call, CallEvent, CallSettled
from domain.routing_decision import RoutingRecord
from tests.api.front import Front, a_bot
from tests.projections.given import tokens
from tests.projections.given_routed import a_record, served

BEGAN = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TIME = {
    "from": (BEGAN - HOUR).isoformat(),
    "to": (BEGAN + 2 * HOUR).isoformat(),
}
GPT = {"vendor": "openai", "model": "gpt-5"}
OPUS = {"vendor": "anthropic", "model": "claude-opus-4-6"}
SHARED = {
    "mode": "load_balance",
    "targets": [GPT | {"weight": 3}, OPUS | {"weight": 1}],
    "strategy": "weighted",
}


class Routed:
    """A team with a bot, `ada-1`, whose policy is `SHARED`, and its calls."""

    def __init__(self, front: Front) -> None:
        self.front = front
        me = front.registered()
        self.me = front.bearer(me)
        self.team_id = UUID(me["team"]["id"])
        links = [{"vendor": "openai"}, {"vendor": "anthropic"}]
        self.bot_id = UUID(a_bot(front, self.me, providers=links)["bot"]["id"])
        set_now = front.client.put("/api/bot/ada-1/routing", json=SHARED, headers=self.me)
        self.version = int(set_now.headers["etag"].strip('"'))

    def a_record(self, dice: int) -> RoutingRecord:
        built_in = self.front.system.routing_catalog.version
        return a_record(dice=dice, version=self.version, built_in=built_in)

    def call(self, number: int, cost: int | None = 100, **changes: Any) -> None:
        """The call of that number, by its own dice."""
        at = BEGAN + timedelta(seconds=number)
        record = self.a_record(number * 7919)
        begun, end = served(
            record, tokens(1000, 500), cost, at=at, team=self.team_id, bot=self.bot_id
        )
        assert isinstance(end, CallSettled)
        self.recorded([begun, replace(end, **changes)])

    def recorded(self, events: Sequence[CallEvent]) -> None:
        log = self.front.system.calls
        with acting(Caller("bot:test", self.team_id, "request-7")):
            log.append(log.begin(Call(), uuid4()), events)

    def asked(self, **question: Any) -> dict[str, Any]:
        """The answer to a what-if."""
        self.front.system.pump()
        answer = self.front.client.post(
            "/api/routing/what-if", json=TIME | question, headers=self.me
        )
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said
