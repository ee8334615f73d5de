"""Calls as the proxy records them, for what is asked about usage."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from application.event_log import Caller, acting
from domain.calls import (
    Call,
    CallAbandoned,
    CallAdmitted,
    CallCorrected,
    CallFacts,
    CallRefused,
    CallSettled,
    CallStatus,
)
from domain.usage import Usage, UsageSource
from tests.api.front import Front

DAY = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday


class Calls:
    """Makes calls of one team, as the proxy would record them."""

    def __init__(self, front: Front, team_id: str) -> None:
        self._calls = front.system.calls
        self._team_id = UUID(team_id)
        self._key = uuid4()

    def facts(self, at: datetime, **other: Any) -> CallFacts:
        facts = CallFacts(
            team_id=self._team_id,
            bot_id=uuid4(),
            hostname="ada-1",
            vendor="openai",
            model="m1",
            requested_model="m1",
            provider_key_id=self._key,
            admitted_at=at,
        )
        return replace(facts, **other)

    def record(self, *events: Any) -> UUID:
        call_id = uuid4()
        caller = Caller("bot:test", self._team_id, "request-7")
        with acting(caller):
            self._calls.append(self._calls.begin(Call(), call_id), events)
        return call_id

    def settled(self, at: datetime, tokens: int | None = 10, **other: Any) -> UUID:
        facts = self.facts(at, **other)
        return self.record(admitted(facts), settled(facts, tokens))

    def settled_now(self, *, bot_id: str, hostname: str) -> UUID:
        """One call of that bot."""
        return self.settled(datetime.now(UTC), bot_id=UUID(bot_id), hostname=hostname)

    def a_day(self) -> None:
        """Some of everything, over a few hours."""
        for minute in (0, 1, 59, 60, 61, 150):
            self.settled(DAY + timedelta(minutes=minute), tokens=minute)
        self.settled(DAY, tokens=None)
        self.settled(DAY, vendor="anthropic", model=None, requested_model="m2")
        self.settled(DAY + timedelta(days=3), hostname="bob-1")
        self.settled(DAY + timedelta(days=40))
        refused = self.facts(DAY + timedelta(minutes=5))
        self.record(CallRefused(facts=refused, code="no-usable-key"))
        lost = self.facts(DAY + timedelta(minutes=6))
        self.record(admitted(lost), CallAbandoned(facts=lost, usage=Usage()))
        late = self.facts(DAY + timedelta(minutes=7))
        corrected = CallCorrected(
            facts=late,
            ended_as=CallStatus.ABANDONED,
            before=Usage(),
            now=usage(5),
            before_cost_micro_usd=None,
            cost_micro_usd=3,
            http_status=200,
            reason="settled-late",
        )
        self.record(admitted(late), CallAbandoned(facts=late, usage=Usage()), corrected)
        self.record(admitted(self.facts(DAY + timedelta(minutes=8))))


def usage(tokens: int | None) -> Usage:
    if tokens is None:
        return Usage()
    return Usage(input_tokens=tokens, output_tokens=1, source=UsageSource.REPORTED)


def admitted(facts: CallFacts) -> CallAdmitted:
    return CallAdmitted(
        facts=facts,
        process_id=uuid4(),
        secret_version=1,
        format="openai-chat",
        method="POST",
        path="/v1/chat/completions",
        streaming=False,
        request_bytes=10,
        input_estimate=1,
    )


def settled(facts: CallFacts, tokens: int | None) -> CallSettled:
    return CallSettled(
        facts=facts,
        http_status=200,
        usage=usage(tokens),
        cost_micro_usd=tokens,
        price_source=None,
        attempts=1,
        first_byte_ms=1,
        duration_ms=2,
        client_left=False,
        error=None,
    )
