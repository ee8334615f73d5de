"""A call is admitted or refused, and what was admitted ends exactly once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from uuid import UUID

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from domain.calls import (
    Call,
    CallAbandoned,
    CallAdmitted,
    CallCorrected,
    CallEvent,
    CallFacts,
    CallHasEnded,
    CallRefused,
    CallSettled,
    CallStatus,
)
from domain.usage import Usage, UsageSource
from tests.given import given

FACTS = CallFacts(
    team_id=UUID(int=1),
    bot_id=UUID(int=2),
    hostname="ada",
    vendor="openai",
    model=None,
    requested_model="gpt-5",
    provider_key_id=UUID(int=3),
    admitted_at=datetime(2026, 11, 22, tzinfo=UTC),
)
ESTIMATE = Usage(input_tokens=10, source=UsageSource.ESTIMATED)
REPORT = Usage(input_tokens=8, output_tokens=5, source=UsageSource.REPORTED)
ADMITTED = CallAdmitted(
    facts=FACTS,
    process_id=UUID(int=4),
    secret_version=1,
    format="openai-chat",
    method="POST",
    path="/v1/chat/completions",
    streaming=False,
    request_bytes=40,
    input_estimate=10,
)
SETTLED = CallSettled(
    facts=replace(FACTS, model="gpt-5-mini"),
    http_status=200,
    usage=REPORT,
    cost_micro_usd=7,
    price_source="list",
    attempts=1,
    first_byte_ms=1,
    duration_ms=2,
    client_left=False,
    error=None,
)
ABANDONED = CallAbandoned(facts=FACTS, usage=ESTIMATE)
REFUSED = CallRefused(facts=FACTS, code="no-usable-key")
CORRECTED = CallCorrected(
    facts=FACTS,
    ended_as=CallStatus.ABANDONED,
    before=ESTIMATE,
    now=REPORT,
    before_cost_micro_usd=None,
    cost_micro_usd=7,
    http_status=200,
    reason="settled-late",
    price_source="list",
    model="gpt-5-mini",
)


def test_an_admitted_call_is_settled_as_it_is() -> None:
    given(Call(), ADMITTED).when(lambda call: call.settle(SETTLED)).then(SETTLED)


def test_a_settlement_behind_an_abandonment_corrects_it_under_the_facts_of_that_end() -> (
    None
):
    """So that what the views added up for the abandonment can be taken back."""
    given(Call(), ADMITTED, ABANDONED).when(lambda call: call.settle(SETTLED)).then(
        CORRECTED
    )


def repriced(facts: CallFacts, *, ended_as: CallStatus, model: str) -> CallCorrected:
    return CallCorrected(
        facts=facts,
        ended_as=ended_as,
        before=REPORT,
        now=REPORT,
        before_cost_micro_usd=7,
        cost_micro_usd=9,
        http_status=200,
        reason="repriced",
        price_source="new list",
        model=model,
    )


def test_another_price_corrects_the_cost_and_nothing_else() -> None:
    expected = repriced(SETTLED.facts, ended_as=CallStatus.SETTLED, model="gpt-5-mini")
    given(Call(), ADMITTED, SETTLED).when(lambda call: call.reprice(9, "new list")).then(
        expected
    )


def test_a_late_settlement_is_repriced_under_the_facts_of_the_first_end() -> None:
    expected = repriced(FACTS, ended_as=CallStatus.ABANDONED, model="gpt-5-mini")
    given(Call(), ADMITTED, ABANDONED, CORRECTED).when(
        lambda call: call.reprice(9, "new list")
    ).then(expected)


def test_a_repriced_call_is_repriced_from_there() -> None:
    first = repriced(SETTLED.facts, ended_as=CallStatus.SETTLED, model="gpt-5-mini")
    again = given(Call(), ADMITTED, SETTLED, first)
    again.when(lambda call: call.reprice(9, "new list")).then()
    again.when(lambda call: call.reprice(7, "list")).then(
        replace(first, before_cost_micro_usd=9, cost_micro_usd=7, price_source="list")
    )


@pytest.mark.parametrize(
    ("history", "cost"),
    [
        ([ADMITTED, SETTLED], 7),
        ([ADMITTED, SETTLED], None),  # what is known never becomes unknown
        ([ADMITTED, ABANDONED], 9),
        ([ADMITTED], 9),
        ([REFUSED], 9),
        ([], 9),
    ],
    ids=["same", "unknown", "abandoned", "open", "refused", "never admitted"],
)
def test_nothing_else_is_repriced(history: list[CallEvent], cost: int | None) -> None:
    given(Call(), *history).when(lambda call: call.reprice(cost, "new list")).then()


def test_a_call_is_charged_for_the_model_that_answered_if_that_is_known() -> None:
    abandoned = Call().evolve(ADMITTED).evolve(ABANDONED)
    late = abandoned.evolve(CORRECTED)
    assert abandoned.end is not None
    assert late.end is not None
    assert abandoned.end.priced_as == FACTS
    assert late.end.priced_as == replace(FACTS, model="gpt-5-mini")


@pytest.mark.parametrize(
    "history",
    [[], [REFUSED], [ADMITTED, SETTLED], [ADMITTED, ABANDONED, CORRECTED]],
    ids=["never admitted", "refused", "settled", "corrected"],
)
def test_nothing_else_can_be_settled(history: list[CallEvent]) -> None:
    given(Call(), *history).when(lambda call: call.settle(SETTLED)).refused(CallHasEnded)


@pytest.mark.parametrize(
    ("history", "status"),
    [
        ([], CallStatus.NEW),
        ([REFUSED], CallStatus.REFUSED),
        ([ADMITTED], CallStatus.OPEN),
        ([ADMITTED, SETTLED], CallStatus.SETTLED),
        ([ADMITTED, ABANDONED], CallStatus.ABANDONED),
        ([ADMITTED, ABANDONED, CORRECTED], CallStatus.SETTLED),
    ],
)
def test_a_call_stands_where_its_last_event_put_it(
    history: list[CallEvent], status: CallStatus
) -> None:
    call = reduce(lambda call, event: call.evolve(event), history, Call())
    assert call.status is status


@examples(st.lists(st.sampled_from([SETTLED, ABANDONED]), max_size=6))
def test_whoever_comes_when_there_is_at_most_one_settlement_and_it_is_last(
    arriving: list[CallSettled | CallAbandoned],
) -> None:
    """The reaper writes the second event of a stream only: it comes first, or not."""
    call, recorded = Call().evolve(ADMITTED), list[CallEvent]()
    for event in arriving:
        try:
            new = call.settle(event) if isinstance(event, CallSettled) else [event]
        except CallHasEnded:
            continue
        if isinstance(event, CallAbandoned) and recorded:
            continue
        for one in new:
            recorded.append(one)
            call = call.evolve(one)
    kinds = [type(event) for event in recorded]
    assert kinds in (
        [],
        [CallSettled],
        [CallAbandoned],
        [CallAbandoned, CallCorrected],
    )
