"""Calls under one quota, as admission and settlement would record them.

The balance is counted here by hand: whatever folds the log has to come to the same.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from application.event_log import Caller, EventLog, acting
from domain.calls import (
    Call,
    CallAbandoned,
    CallAdmitted,
    CallEvent,
    CallExtended,
    CallFacts,
    CallRefused,
    CallSettled,
)
from domain.holds import Balance, Booking, Hold, WindowId
from domain.ids import TeamId
from domain.quotas import Metric, Mode, QuotaSet, Scope, ScopeKind, Window
from domain.usage import UNKNOWN, Usage, UsageSource
from domain.windows import window_of

LIMIT = 100
CORRELATION = "request-8"


def quota_of(team_id: UUID, window: Window = Window.TOTAL, limit: int = LIMIT) -> QuotaSet:
    """A quota of all the team's tokens."""
    return QuotaSet(
        team_id=TeamId(team_id),
        scope=Scope(kind=ScopeKind.TEAM, id=str(team_id)),
        metric=Metric.TOKENS,
        window=window,
        limit=limit,
        time_zone="UTC",
        warn_at_permille=800,
        mode=Mode.BLOCK,
    )


def reported(tokens: int) -> Usage:
    """What a vendor says that a call used."""
    return Usage(input_tokens=tokens, output_tokens=0, source=UsageSource.REPORTED)


class HeldCalls:
    """Makes calls, each with a hold on the quota; `by_window` is what comes of them."""

    def __init__(self, log: EventLog, quota_id: UUID, quota: QuotaSet) -> None:
        self._log, self._quota_id, self._quota = log, quota_id, quota
        self._held: dict[UUID, int] = {}
        self.window = window_of(quota.window, quota.time_zone, datetime.now(UTC))
        self.by_window: dict[WindowId, Balance] = {}
        self._used: dict[UUID, int] = {}
        self.facts = CallFacts(
            team_id=quota.team_id,
            bot_id=uuid4(),
            hostname="ada-1",
            vendor="openai",
            model="m1",
            requested_model="m1",
            provider_key_id=uuid4(),
            admitted_at=datetime.now(UTC),
        )

    @property
    def balance(self) -> Balance:
        """Of the quota, in the window of all calls here."""
        return self.by_window.get((self._quota_id, self.window[0]), Balance())

    def admitted(self, amount: int) -> UUID:
        """A new call, with so much held."""
        call_id = uuid4()
        admitted = CallAdmitted(
            facts=self.facts,
            process_id=uuid4(),
            secret_version=1,
            format="openai-chat",
            method="POST",
            path="/v1/chat/completions",
            streaming=True,
            request_bytes=10,
            input_estimate=1,
            holds=(self.hold(amount),),
        )
        self._held[call_id] = amount
        self._record(call_id, admitted)
        self._counted(held=amount)
        return call_id

    def extended(self, call_id: UUID, amount: int) -> None:
        """So much more is held for it."""
        self._held[call_id] += amount
        more = CallExtended(facts=self.facts, holds=(self.hold(amount),))
        self._record(call_id, more)
        self._counted(held=amount)

    def settled(self, call_id: UUID, used: int) -> None:
        """It has ended, having used so much."""
        usage, held = reported(used), self._held.pop(call_id)
        settled = CallSettled(
            facts=self.facts,
            http_status=200,
            usage=usage,
            cost_micro_usd=7,
            price_source="list",
            attempts=1,
            first_byte_ms=1,
            duration_ms=2,
            client_left=False,
            error=None,
            bookings=(self._booking(held, used),),
        )
        self._record(call_id, settled)
        self._counted(settled=used, held=-held)

    def abandoned(self, call_id: UUID) -> None:
        """Its process died: what was held counts as used."""
        held = self._held.pop(call_id)
        booking = self._booking(held, held)
        end = CallAbandoned(facts=self.facts, usage=UNKNOWN, bookings=(booking,))
        self._record(call_id, end)
        self._counted(settled=held, held=-held)
        self._used[call_id] = held

    def corrected(self, call_id: UUID, used: int) -> None:
        """A settlement that came after the abandonment."""
        state = self._log.read(Call(), call_id).state
        settled = CallSettled(
            facts=self.facts,
            http_status=200,
            usage=reported(used),
            cost_micro_usd=None,
            price_source=None,
            attempts=1,
            first_byte_ms=1,
            duration_ms=2,
            client_left=False,
            error=None,
        )
        for event in state.settle(settled):
            self._record(call_id, event)
        self._counted(settled=used - self._used.pop(call_id))

    def refused(self, amount: int, code: str = "quota-exceeded") -> UUID:
        """A call for which there was no room."""
        call_id = uuid4()
        refused = CallRefused(facts=self.facts, code=code, hold=self.hold(amount))
        self._record(call_id, refused)
        return call_id

    def used(self, amount: int) -> UUID:
        """A call from beginning to end."""
        call_id = self.admitted(amount)
        self.settled(call_id, amount)
        return call_id

    def hold(self, amount: int) -> Hold:
        """A hold on the balance as it stands."""
        return Hold(
            quota_id=self._quota_id,
            version=1,
            scope=self._quota.scope.kind,
            scope_id=self._quota.scope.id,
            metric=self._quota.metric,
            mode=self._quota.mode,
            limit=self._quota.limit,
            window_start=self.window[0],
            window_end=self.window[1],
            amount=amount,
            settled=self.balance.settled,
            held=self.balance.held,
        )

    def _booking(self, released: int, settled: int) -> Booking:
        return Booking(
            quota_id=self._quota_id,
            window_start=self.window[0],
            released=released,
            settled=settled,
        )

    def _record(self, call_id: UUID, event: CallEvent) -> None:
        by = Caller("bot:test", self.facts.team_id, CORRELATION)
        with acting(by):
            self._log.append(self._log.look(Call(), call_id), [event])

    def _counted(self, *, settled: int = 0, held: int = 0) -> None:
        before = self.balance
        self.by_window[self._quota_id, self.window[0]] = Balance(
            settled=before.settled + settled, held=before.held + held
        )
