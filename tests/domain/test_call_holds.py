"""A call knows what it holds, and corrections move balances by what they change."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import pytest

from domain.calls import (
    Call,
    CallAbandoned,
    CallCorrected,
    CallEvent,
    CallExtended,
    outcome_of,
)
from domain.holds import abandoned, bookings_of
from domain.quotas import Metric
from domain.usage import Usage
from tests.domain.test_holds import booking, hold
from tests.projections.given import admitted, facts, settled, tokens

FACTS = facts()
HOLDS = (hold(300), hold(50, Metric.COST_MICRO_USD, number=2))
MORE = hold(200)
OPENED = replace(admitted(FACTS), holds=HOLDS)
EXTENDED = CallExtended(facts=FACTS, holds=(MORE,))
ENDED = settled(FACTS, tokens(40, 60), 30)


def after(*events: CallEvent) -> Call:
    return reduce(Call.evolve, events, Call())


def test_another_price_moves_the_quotas_of_money_and_no_others() -> None:
    end = replace(ENDED, bookings=bookings_of(HOLDS, outcome_of(ENDED)))
    call = after(OPENED, end)
    (corrected,) = call.reprice(20, "list:2")
    assert isinstance(corrected, CallCorrected)
    assert corrected.bookings == (booking(0, -10, number=2),)
    assert after(OPENED, end, corrected).reprice(20, "list:2") == []


def test_a_late_settlement_moves_them_from_what_was_held_to_what_was_used() -> None:
    gone = CallAbandoned(
        facts=FACTS, usage=tokens(40, None), bookings=abandoned((*HOLDS, MORE))
    )
    (corrected,) = after(OPENED, EXTENDED, gone).settle(ENDED)
    assert isinstance(corrected, CallCorrected)
    assert corrected.bookings == (booking(0, 100 - 500), booking(0, 30 - 50, number=2))


@pytest.mark.parametrize(
    ("status", "settled_tokens"), [(101, 300), (200, 300), (429, 0), (None, 0)]
)
def test_what_a_served_call_does_not_tell_counts_as_held_and_a_session_is_served(
    status: int | None, settled_tokens: int
) -> None:
    end = replace(ENDED, usage=Usage(), cost_micro_usd=None, http_status=status)
    (first, _) = bookings_of(HOLDS, outcome_of(end))
    assert (first.released, first.settled) == (300, settled_tokens)
