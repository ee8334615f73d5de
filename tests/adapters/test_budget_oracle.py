"""Two processes refuse whom one thread would refuse, call by call in the log's order.

However calls come and end at once: an oracle, which knows the quotas and what each call
needs, goes through the log and decides again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from uuid import UUID, uuid4

from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.bootstrap.followers import event_logs
from adapters.postgres.meter import PostgresMeter
from domain.budgets import (
    Budget,
    Denied,
    Extension,
    Granted,
    Need,
    QuotaExceeded,
    decide,
    take,
)
from domain.calls import CallAdmitted, CallExtended, CallFacts, CallRefused
from domain.events import Event
from domain.holds import Hold
from domain.log import CALLS
from domain.quotas import Metric, Mode, ScopeKind
from domain.windows import EPOCH
from tests.adapters.budgets import balances, set_quota, wanting
from tests.adapters.test_meter import PATIENCE, metering
from tests.projections.given import facts, settled, tokens
from tests.projections.given_logs import database

PROCESSES = 2
MODELS = ("small", "large")


class Limit(NamedTuple):
    """A quota of the example's team, or of one of its models."""

    metric: Metric
    most: int
    model: str | None
    mode: Mode


class Turn(NamedTuple):
    """One call: what it asks for, when, and what it comes to."""

    model: str
    other: str | None  # model that it may go to as well
    into: int
    most: int
    after: int  # milliseconds
    grows: int | None  # tokens that it asks for besides
    lasts: int | None  # milliseconds; None: it does not end
    used: int  # percent of what it held


LIMITS = st.lists(
    st.builds(
        Limit,
        st.sampled_from(list(Metric)),
        st.integers(0, 400),
        st.none() | st.sampled_from(MODELS),
        st.sampled_from([Mode.BLOCK, Mode.BLOCK, Mode.NOTIFY]),
    ),
    min_size=1,
    max_size=4,
)
# What is left to chance may hardly ever fit at its second model: here all of them do.
FULL = [Limit(Metric.REQUESTS, 0, "large", Mode.BLOCK)]
TO_ANOTHER = [Turn("large", "small", 10, 20, nth, None, 1, 100) for nth in range(8)]
TURNS = st.lists(
    st.builds(
        Turn,
        st.sampled_from(MODELS),
        st.none() | st.sampled_from(MODELS),
        st.integers(0, 60),
        st.integers(0, 120),
        st.integers(0, 9),
        st.none() | st.integers(1, 60),
        st.none() | st.integers(0, 4),
        st.integers(0, 130),
    ),
    min_size=2,
    max_size=40,
)


@dataclass
class Oracle:
    """Decides on one call after the other, alone."""

    budgets: dict[UUID, Budget]
    needs: dict[UUID, Need] = field(default_factory=dict)
    models: dict[UUID, tuple[str, ...]] = field(default_factory=dict)  # in order
    more: dict[UUID, Need] = field(default_factory=dict)
    refused: int = 0
    elsewhere: int = 0

    def follows(self, call_id: UUID, event: Event) -> None:
        """Fails unless the event is what would be decided here."""
        match event:
            case CallAdmitted(holds=holds, passed_over=passed_over):
                self._denies(call_id, [(one.model, one.hold) for one in passed_over])
                nth, model = len(passed_over), event.facts.requested_model
                assert model == self.models[call_id][nth]
                self.models[call_id] = (self.models[call_id][nth],)
                self._grants(self._of(model), self.needs[call_id], holds)
                self.elsewhere += nth > 0
            case CallExtended(holds=holds):
                (model,) = self.models[call_id]
                self._grants(self._of(model), self.more[call_id], holds)
            case CallRefused(hold=hold, passed_over=passed_over):
                told = [(one.model, one.hold) for one in passed_over]
                self._denies(call_id, [*told, (event.facts.requested_model, hold)])
                for model in self.models[call_id]:
                    assert isinstance(self._decides(call_id, model), Denied)
                self.refused += 1
            case _:
                for booking in getattr(event, "bookings", ()):
                    self.budgets[booking.quota_id].book(booking)

    def _denies(
        self, call_id: UUID, told: Sequence[tuple[str | None, Hold | None]]
    ) -> None:
        for model, hold in told:
            decision = self._decides(call_id, model)
            assert isinstance(decision, Denied)
            assert decision.hold == hold

    def _decides(self, call_id: UUID, model: str | None) -> Granted | Denied:
        return decide(self._of(model), self.needs[call_id])

    def _grants(
        self, budgets: Sequence[Budget], need: Need, holds: tuple[Hold, ...]
    ) -> None:
        decision = decide(budgets, need)
        assert isinstance(decision, Granted)
        assert set(decision.holds) == set(holds)
        take(budgets, decision)

    def _of(self, model: str | None) -> list[Budget]:
        """Those that apply to a call of the model, the team's before the model's."""
        return [
            budget
            for kind, scope_id in ((ScopeKind.TEAM, None), (ScopeKind.MODEL, model))
            for budget in sorted(self.budgets.values(), key=lambda one: one.quota_id)
            if budget.scope is kind and scope_id in {None, budget.scope_id}
        ]


def budgets_of(url: str, team: UUID, limits: Sequence[Limit]) -> dict[UUID, Budget]:
    """The quotas are set, and nothing is used of them."""
    found = {}
    for metric, most, model, mode in limits:
        scope = ScopeKind.TEAM if model is None else ScopeKind.MODEL
        scope_id = model or str(team)
        quota_id = set_quota(
            url, most, metric, scope=scope, scope_id=scope_id, mode=mode, team=team
        )
        found[quota_id] = Budget(
            quota_id=quota_id,
            version=1,
            scope=scope,
            scope_id=scope_id,
            metric=metric,
            mode=mode,
            limit=most,
            window_start=EPOCH,
            window_end=None,
            settled=0,
            held=0,
        )
    return found


async def take_turn(
    meter: PostgresMeter, of: CallFacts, turn: Turn, oracle: Oracle
) -> None:
    """The call comes, perhaps grows, and perhaps ends."""
    await asyncio.sleep(turn.after / 1000)
    call_id = uuid4()
    models = [turn.model, *([] if turn.other is None else [turn.other])]
    places = [replace(of, requested_model=model) for model in models]
    first, *others = (
        wanting(one, turn.into, turn.most, process=meter.process_id) for one in places
    )
    asks = replace(first, elsewhere=tuple(others))
    oracle.needs[call_id], oracle.models[call_id] = asks.need(), tuple(models)
    try:
        granted = await meter.admit(call_id, asks.event, asks)
        if turn.grows and granted.holds:
            need = oracle.more[call_id] = Need(
                input_tokens=0,
                least_output=1,
                most_output=turn.grows,
                cost=lambda _into, out: out,
                requests=0,
            )
            at = places[granted.nth]
            await meter.extend(call_id, Extension(facts=at, need=need, holds=granted.holds))
    except QuotaExceeded:
        if call_id not in oracle.more:
            return
    if turn.lasts is not None:
        await asyncio.sleep(turn.lasts / 1000)
        written = (granted.output_tokens or 0) * turn.used // 100
        end = settled(places[granted.nth], tokens(turn.into, written), turn.into + written)
        await meter.settle(call_id, end, within_seconds=PATIENCE)


def test_who_is_refused_is_who_one_thread_would_refuse(database_url: str) -> None:
    refused = elsewhere = 0
    with asyncio.Runner() as runner, database(database_url) as opened:
        log, stack = event_logs(opened)[CALLS], AsyncExitStack()

        async def started() -> list[PostgresMeter]:
            return [
                await stack.enter_async_context(metering(database_url))
                for _ in range(PROCESSES)
            ]

        meters = runner.run(started())

        @settings(max_examples=8 * settings().max_examples)
        @given(LIMITS, TURNS)
        @example(FULL, TO_ANOTHER)
        def same(limits: list[Limit], turns: list[Turn]) -> None:
            nonlocal refused, elsewhere
            team, head = uuid4(), log.head()
            oracle = Oracle(budgets_of(database_url, team, limits))

            async def at_once() -> None:
                of = replace(facts(), team_id=team)
                await asyncio.gather(
                    *(
                        take_turn(meters[nth % PROCESSES], of, turn, oracle)
                        for nth, turn in enumerate(turns)
                    )
                )

            runner.run(at_once())
            while (page := log.page(after=head, limit=1000)).upto > head:
                for placed in page.events:
                    recorded = placed.recorded
                    oracle.follows(recorded.originator_id, recorded.event)
                head = page.upto
            for window, balance in balances(database_url).items():
                if budget := oracle.budgets.get(window[0]):
                    assert (balance.settled, balance.held) == (budget.settled, budget.held)
            refused += oracle.refused
            elsewhere += oracle.elsewhere

        try:
            same()
        finally:
            runner.run(stack.aclose())
    assert refused > 20
    assert elsewhere > 5
