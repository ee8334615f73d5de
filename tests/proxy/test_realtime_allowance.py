"""What a session holds beside the answer in advance: what its responses used, no more."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from domain.budgets import Extension, Granted, QuotaExceeded
from domain.calls import CallFacts
from domain.errors import Unavailable
from domain.holds import Hold
from domain.prices import NO_OTHER
from domain.usage import OtherUnits, Usage
from proxy.demand import Demand
from proxy.holding import Holding
from proxy.realtime.allowance import Allowance, allowance_of
from proxy.settlement import Progress
from proxy.usage.openai_realtime import Ask, OpenAiRealtime
from tests.proxy.books import Books
from tests.proxy.test_holding_again import HOLD, holding_of

pytestmark = pytest.mark.anyio

CALL = uuid4()


@dataclass
class Teller(Books):
    """Plays a meter that gives what it is asked for, unless it is told otherwise."""

    errors: list[Exception] = field(default_factory=list)
    asked_for: list[tuple[int | None, ...]] = field(default_factory=list)

    async def extend(self, call_id: UUID, extension: Extension) -> Granted:
        assert call_id == CALL
        need = extension.need
        if self.errors:
            raise self.errors.pop()
        assert (need.requests, extension.holds) == (0, (HOLD,))
        tokens = need.input_tokens, need.least_output
        self.asked_for.append((*tokens, need.cost(*tokens)))
        return Granted(need.most_output, ())


class Bounds:
    """Plays `BoundedPrices`: a micro-dollar for what is read, two for what is written."""

    def bound(
        self, facts: CallFacts, into: int, out: int, units: OtherUnits = NO_OTHER
    ) -> int | None:
        assert (facts.vendor, units) == ("openai", NO_OTHER)
        return into + 2 * out

    def priced(self, usage: Usage, facts: CallFacts) -> tuple[int | None, str | None]:
        raise NotImplementedError


def progress(*holds: Hold) -> Progress:
    call, made = holding_of(b"")
    holding = Holding(call, made.event, Bounds(), cast("Any", None))
    holding.holds, holding.output_tokens = holds, 100
    holding._demand = Demand(50, 100, 1, visible=False, bounded=True)  # noqa: SLF001
    return Progress(call_id=CALL, admitted=made.event, started=0, holding=holding)


def allowance(teller: Teller) -> Allowance:
    made = allowance_of(teller, teller, progress(HOLD))
    assert made is not None
    return made


def answered(tally: OpenAiRealtime, into: int, out: int, name: str = "r") -> None:
    usage = {"input_tokens": into, "output_tokens": out}
    done = {"type": "response.done", "response": {"id": name, "usage": usage}}
    tally.event(json.dumps(done).encode())


def begun(tally: OpenAiRealtime, name: str, conversation: str | None = None) -> None:
    response = {"id": name, "conversation_id": conversation}
    tally.event(json.dumps({"type": "response.created", "response": response}).encode())


async def test_each_response_is_held_once_at_what_it_added() -> None:
    teller, tally = Teller(cost=50), OpenAiRealtime()
    session = allowance(teller)
    assert await session.refusal(tally) is None
    answered(tally, 7, 3)
    assert await session.refusal(tally) is None
    assert await session.refusal(tally) is None
    teller.cost = 80
    answered(tally, 20, 5)
    assert await session.refusal(tally) is None
    teller.cost = None  # nobody knows any more: the most that it can be
    answered(tally, 10, 10)
    assert await session.refusal(tally) is None
    assert teller.asked_for == [(7, 3, 50), (20, 5, 30), (10, 10, 30)]


async def test_what_a_quota_has_no_room_for_ends_it() -> None:
    teller, tally = Teller(errors=[QuotaExceeded(HOLD)]), OpenAiRealtime()
    answered(tally, 7, 3)
    assert await allowance(teller).refusal(tally) == "quota-exceeded"


async def test_of_several_responses_at_once_each_is_held_in_advance() -> None:
    teller, tally = Teller(cost=0), OpenAiRealtime()
    session = allowance(teller)
    for ask in (Ask.NEXT, Ask.BESIDE, Ask.BESIDE):
        assert await session.refusal(tally, ask) is None
        tally.asked(ask)
    begun(tally, "a", conversation="c")
    begun(tally, "b")
    # It comes behind the one in the conversation.
    assert await session.refusal(tally, Ask.NEXT) is None
    assert teller.asked_for == [(50, 100, 250)] * 2
    answered(tally, 60, 30, "b")
    teller.cost = 120
    assert await session.refusal(tally) is None
    answered(tally, 45, 95, "a")
    begun(tally, "d", conversation="c")
    teller.cost = 355
    assert await session.refusal(tally) is None
    assert teller.asked_for[2:] == [(55, 25, 105)]


async def test_one_more_beside_the_one_under_way_is_not_asked_for_without_room() -> None:
    teller, tally = Teller(errors=[QuotaExceeded(HOLD)]), OpenAiRealtime()
    session = allowance(teller)
    begun(tally, "a", conversation="c")
    assert await session.refusal(tally) is None
    assert await session.refusal(tally, Ask.BESIDE) == "quota-exceeded"


async def test_nor_while_the_log_is_away() -> None:
    teller, tally = Teller(errors=[Unavailable()]), OpenAiRealtime()
    begun(tally, "a", conversation="c")
    assert await allowance(teller).refusal(tally, Ask.BESIDE) == Unavailable.code


async def test_a_log_that_is_away_is_asked_again_while_the_answer_ahead_suffices() -> None:
    teller, tally = Teller(errors=[Unavailable(), Unavailable()]), OpenAiRealtime()
    session = allowance(teller)
    answered(tally, 60, 20)
    assert await session.refusal(tally) is None
    answered(tally, 60, 20)
    assert await session.refusal(tally) == Unavailable.code
    assert await session.refusal(tally) is None
    assert teller.asked_for == [(120, 40, 200)]


async def test_without_a_quota_nothing_is_asked() -> None:
    assert allowance_of(Teller(), Teller(), progress()) is None
