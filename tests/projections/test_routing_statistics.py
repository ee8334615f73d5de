"""Routing statistics: what each target did, whoever served the call in the end."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from adapters.memory import MemoryView
from domain.calls import Call, CallAbandoned, CallEvent, CallSettled
from domain.log import CALLS
from domain.verdicts import Verdict
from projections.latency_histogram import quantile
from projections.routing_statistics import (
    RoutingStatisticsProjector,
    TargetRow,
    TargetSums,
)
from tests.projections.given import (
    KEY,
    NOON,
    TEAM,
    admitted,
    corrected,
    facts,
    settled,
    tokens,
    tried,
)
from tests.projections.given_logs import memory_logs, record

FIRST = UUID(int=0xD1)
USED = tokens(7, 3)


def rows_of(*calls: CallEvent) -> dict[tuple[UUID, str], TargetRow]:
    """Each event is a call of its own; the rows by key and model."""
    log = memory_logs()[CALLS]
    for event in calls:
        record(log, [(uuid4(), [admitted(event.facts), event])])
    view: MemoryView[TargetRow] = MemoryView()
    view.advance(RoutingStatisticsProjector(), log.page(after=0, limit=1000))
    return {(row.provider_key_id, row.model): row for row in view.rows.values()}


def a_call(cost: int | None = 12, **changes: object) -> CallSettled:
    return replace(settled(facts(), USED, cost), **changes)  # type: ignore[arg-type]


def test_calls_add_up_at_the_target_that_answered() -> None:
    rows = rows_of(a_call(), a_call(None), a_call(http_status=500, first_byte_ms=999))
    (row,) = rows.values()
    assert (row.team_id, row.hour, row.vendor) == (TEAM, NOON, "openai")
    assert (row.calls, row.successes, row.unpriced) == (3, 2, 1)
    assert (row.input_tokens, row.output_tokens, row.cost_micro_usd) == (21, 9, 24)
    assert quantile(row.first_byte, 1.0) == 10  # that of the failure is not in it


def test_a_failure_in_the_middle_of_an_answer_is_no_success() -> None:
    (row,) = rows_of(a_call(error="upstream-timeout")).values()
    assert (row.calls, row.successes, row.first_byte) == (1, 0, ())


@pytest.mark.parametrize("error", ["client-left", "quota-exceeded", "proxy-stopped"])
def test_what_ended_an_answer_from_our_side_is_no_failure_of_its_target(
    error: str,
) -> None:
    (row,) = rows_of(a_call(error=error, client_left=True)).values()
    assert (row.calls, row.successes) == (1, 1)
    (row,) = rows_of(a_call(error=error, http_status=None)).values()
    assert (row.calls, row.successes) == (1, 0)


def test_a_target_that_failed_is_told_apart_from_the_one_that_stood_in() -> None:
    log = (
        tried(FIRST, 429, Verdict.THROTTLED),
        replace(tried(FIRST, 500, Verdict.OVERLOADED), model="gpt-5-mini"),
        tried(KEY, 200, Verdict.OK),
    )
    rows = rows_of(a_call(attempt_log=log, attempts=3), a_call())
    assert rows[KEY, "asked-for"].fallbacks == 1
    assert rows[KEY, "asked-for"].calls == 2
    assert rows[KEY, "asked-for"].passed_on == 0
    failed = rows[FIRST, "asked-for"]
    assert (failed.calls, failed.passed_on, failed.vendor) == (0, 1, "openai")
    another = rows[FIRST, "gpt-5-mini"]
    assert (another.passed_on, another.vendor) == (1, "")  # the key knows whose it is


def test_a_target_that_failed_is_told_though_nobody_waited_for_the_next_one() -> None:
    log = (replace(tried(FIRST, 503, Verdict.OVERLOADED), model="gpt-5-mini"),)
    left = a_call(attempt_log=log, attempts=2, http_status=None, error="client-left")
    rows = rows_of(left)
    assert rows[FIRST, "gpt-5-mini"].passed_on == 1
    assert (rows[KEY, "asked-for"].calls, rows[KEY, "asked-for"].fallbacks) == (1, 1)


def test_a_call_that_was_abandoned_and_then_corrected_costs_what_it_cost() -> None:
    of = facts()
    end, late = CallAbandoned(facts=of, usage=tokens(5, 1)), tokens(50, 10)
    log, call_id = memory_logs()[CALLS], uuid4()
    record(log, [(call_id, [admitted(of), end])])
    view: MemoryView[TargetRow] = MemoryView()
    projector = RoutingStatisticsProjector()
    view.advance(projector, log.page(after=0, limit=10))
    (row,) = view.rows.values()
    assert (row.calls, row.successes, row.unpriced, row.input_tokens) == (1, 0, 1, 5)
    record(log, [(call_id, [corrected(of, tokens(5, 1), late, 40)])])
    view.advance(projector, log.page(after=view.position(CALLS), limit=10))
    (row,) = view.rows.values()
    assert (row.calls, row.unpriced, row.input_tokens, row.cost_micro_usd) == (1, 0, 50, 40)


def test_a_call_that_is_repriced_moves_its_cost_alone() -> None:
    paid = a_call()
    (dearer,) = Call().evolve(paid).reprice(20, "new list")
    (row,) = rows_of(paid, dearer).values()
    assert (row.calls, row.cost_micro_usd, row.input_tokens) == (1, 20, 7)


def test_a_check_of_a_key_is_no_call() -> None:
    assert rows_of(replace(a_call(), facts=facts(bot=None))) == {}


def test_sums_are_sums() -> None:
    one = TargetSums(calls=1, first_byte=((3, 1),))
    assert one + one == TargetSums(calls=2, first_byte=((3, 2),))
