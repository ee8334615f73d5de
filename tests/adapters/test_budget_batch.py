"""A batch decides as if its calls had come one by one: how they are grouped is the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.budget_batch import Budgets, Decided
from adapters.postgres.budget_concerns import Asked
from domain.calls import CallEnding, CallRefused
from domain.holds import Booking, Hold
from domain.quotas import Metric, Mode, ScopeKind, scope_key
from domain.windows import EPOCH
from tests.adapters.budgets import Wanting, wanting
from tests.projections.given import TEAM, facts, settled, tokens

KEY = scope_key(TEAM, ScopeKind.TEAM, str(TEAM))

Quota = tuple[Metric, int, Mode]
Call = tuple[int, int, int, int]  # input, output, how many come before its end, used

QUOTAS = st.lists(
    st.tuples(st.sampled_from(list(Metric)), st.integers(0, 300), st.sampled_from(Mode)),
    min_size=1,
    max_size=3,
)
CALLS = st.lists(
    st.tuples(
        st.integers(0, 50), st.integers(0, 90), st.integers(0, 4), st.integers(0, 99)
    ),
    min_size=2,
    max_size=25,
)


class Table:
    """The balances between batches."""

    def __init__(self, quotas: Sequence[Quota]) -> None:
        self._quotas = {UUID(int=nth): one for nth, one in enumerate(quotas)}
        self._balances = dict.fromkeys(self._quotas, (0, 0))

    def decided(self, batch: Sequence[Asked]) -> list[Decided]:
        """By a batch of its own, after which the balances are moved."""
        budgets = Budgets(
            (
                *(quota_id, EPOCH, None, KEY, ScopeKind.TEAM, str(TEAM), 1),
                *(metric, mode, limit, *self._balances[quota_id], True),
            )
            for quota_id, (metric, limit, mode) in self._quotas.items()
        )
        decisions = [_decided(budgets, asked) for asked in batch]
        for (number, _), (held, used) in budgets.moves().by_window.items():
            quota_id = UUID(int=number)
            before = self._balances[quota_id]
            self._balances[quota_id] = before[0] + used, before[1] + held
        return decisions


def _decided(budgets: Budgets, asked: Asked) -> Decided:
    if not isinstance(asked, CallEnding):
        return budgets.decided(asked)
    budgets.book(asked.bookings)
    return Decided(asked)


def booking_of(hold: Hold, used: int) -> Booking:
    """Its end, when so many percent were used."""
    return Booking(
        quota_id=hold.quota_id,
        window_start=hold.window_start,
        released=hold.amount,
        settled=hold.amount * used // 100,
    )


def ended(holds: tuple[Hold, ...], used: int) -> Asked:
    """The call's end: so many percent of its holds were used."""
    bookings = tuple(booking_of(hold, used) for hold in holds)
    return replace(settled(facts(), tokens(1, 1), 2), bookings=bookings)


def one_by_one(
    quotas: Sequence[Quota], calls: Sequence[Call]
) -> list[tuple[Asked, Decided]]:
    """What comes, in its order, and what becomes of it when each is a batch of its own."""
    table, waiting = Table(quotas), list[tuple[int, Asked]]()
    came = list[tuple[Asked, Decided]]()
    for nth, (into, most, later, used) in enumerate(calls):
        asked: list[Asked] = [wanting(facts(), into, most)]
        asked += [end for at, end in waiting if at == nth]
        for one in asked:
            (decision,) = table.decided([one])
            came.append((one, decision))
            if isinstance(one, Wanting) and decision.granted:
                waiting.append((nth + later, ended(decision.granted.holds, used)))
    return came


@given(QUOTAS, CALLS, st.integers(2, 9))
def test_a_batch_decides_as_if_its_calls_had_come_one_by_one(
    quotas: list[Quota], calls: list[Call], size: int
) -> None:
    came = one_by_one(quotas, calls)
    table = Table(quotas)
    decisions = [
        decision
        for at in range(0, len(came), size)
        for decision in table.decided([asked for asked, _ in came[at : at + size]])
    ]
    for (_, alone), together in zip(came, decisions, strict=True):
        assert together.event == alone.event
        assert together.granted == alone.granted


def test_what_is_taken_and_given_back_in_one_batch_moves_nothing() -> None:
    start, gone = EPOCH, UUID(int=9)
    row = (UUID(int=1), start, None, KEY, ScopeKind.TEAM, str(TEAM), 1)
    budgets = Budgets([(*row, Metric.TOKENS, Mode.BLOCK, 100, 7, 0, True)])
    granted = budgets.decided(wanting(facts(), 20, 30)).granted
    assert granted is not None
    budgets.book(booking_of(hold, 0) for hold in granted.holds)
    assert budgets.moves().by_window == {}
    budgets.book([Booking(quota_id=gone, window_start=start, released=3, settled=2)])
    assert budgets.moves().by_window == {(gone.int, start): (-3, 2)}


def test_a_call_that_a_quota_refuses_keeps_why_it_was_to_go_there() -> None:
    routed = wanting(facts(), 60, 40)
    kept = {"policy_version": 2, "decision": {"chose": "failover"}}
    routed = replace(routed, event=replace(routed.event, routing=kept))
    (decision,) = Table([(Metric.TOKENS, 10, Mode.BLOCK)]).decided([routed])
    assert isinstance(decision.event, CallRefused)
    assert decision.event.routing == kept
