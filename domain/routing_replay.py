"""Past calls once more: under the policy they had, or under another one.

The decision of a call is made again from its record; under its own policy it comes out the
same, to the letter (`reproduced`). Where another target would have been chosen, nobody
knows what that would have answered: it is charged for the tokens that the call used, at
that target's price. A call that was refused used none; it counts as what it would likely
have used. A rule that asks about words which nobody kept counts as not holding, and the
call is counted as `unanswered`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from domain.prices import Price, cost_of
from domain.quota_events import ScopeKind
from domain.routing_decision import Decision, RoutingRecord
from domain.routing_facts import States
from domain.routing_policy import RoutingPolicy, RoutingShelf
from domain.routing_record import again
from domain.routing_scores import EXPECTED_OUTPUT, expected_output
from domain.usage import Usage, UsageSource
from domain.vendors import Format

NO_KEY, COOLING = "no-usable-key", "all-keys-cooling"
BY_ROUTING = frozenset({NO_KEY, COOLING})
BY_QUOTA = frozenset({"quota-exceeded", "unpriced-call"})

PriceOf = Callable[[str, str, datetime], Price | None]
"""The price of a vendor's model for a call that began then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PastCall:
    """One call as the log has it; vendor, model and key are those that served it.

    `refused` is the code of a refusal, None if there was none.
    """

    call_id: UUID
    at: datetime
    bot_id: UUID
    vendor: str
    model: str | None
    key_id: UUID | None
    usage: Usage
    cost_micro_usd: int | None
    refused: str | None
    routing: RoutingRecord | None  # None: the call named its vendor itself
    scopes: Mapping[ScopeKind, str]  # team, bot and member, as quotas name them


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """What decides a call: the policy and the shelf, as they stood or as they might."""

    policy: RoutingPolicy | None
    shelf: RoutingShelf


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is different; everything that is left out is as it was.

    `ruling` answers for a call and its record; `standing` tells how targets stand that no
    record speaks of, for a request in that format. With `prices` every call is priced
    anew, and without them only those that go to another target.
    """

    ruling: Callable[[PastCall, RoutingRecord], Ruling]
    price_of: PriceOf
    reprice: bool = False
    standing: Callable[[Format], States] = lambda _: MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """What becomes of the call."""

    call: PastCall
    vendor: str
    model: str | None
    key_id: UUID | None
    usage: Usage
    cost_micro_usd: int | None
    refused: str | None
    decision: Decision | None = None
    reproduced: bool = True  # the decision is the one that was made
    unanswered: bool = False


def replayed(calls: Iterable[PastCall], scenario: Scenario) -> Iterator[Replayed]:
    """Each call under the scenario, in the order given."""
    standing: dict[Format, States] = {}
    for call in calls:
        record = call.routing
        if record is None:
            yield _served_alike(call, scenario, None, reproduced=True)
            continue
        spoken = record.facts.format
        if spoken not in standing:
            standing[spoken] = scenario.standing(spoken)
        ruling = scenario.ruling(call, record)
        decision = again(record, ruling.policy, ruling.shelf, standing[spoken])
        if _by_the_same(call, decision) or _same_way(decision, record.decision):
            reproduced = decision == record.decision
            yield _served_alike(call, scenario, decision, reproduced=reproduced)
        else:
            yield _served_otherwise(call, record, scenario, decision)


def _by_the_same(call: PastCall, decision: Decision) -> bool:
    """Whether who served the call is the first to be tried: it would end the same."""
    if call.refused is not None or not decision.candidates:
        return False
    first = decision.candidates[0]
    served = (call.vendor, call.model, call.key_id)
    return served == (first.target.vendor, first.target.model, first.keys[0])


def _same_way(decision: Decision, before: Decision) -> bool:
    """Whether the call goes to the same targets, so that it would have ended the same."""
    ways = (
        tuple((one.target.vendor, one.target.model, one.keys) for one in made.candidates)
        for made in (decision, before)
    )
    return next(ways) == next(ways)


def _served_alike(
    call: PastCall, scenario: Scenario, decision: Decision | None, *, reproduced: bool
) -> Replayed:
    cost = call.cost_micro_usd
    if scenario.reprice and call.refused is None and call.model is not None:
        cost = _cost(call.usage, call.vendor, call.model, call.at, scenario)
    return Replayed(
        call=call,
        vendor=call.vendor,
        model=call.model,
        key_id=call.key_id,
        usage=call.usage,
        cost_micro_usd=cost,
        refused=call.refused,
        decision=decision,
        reproduced=reproduced,
        unanswered=_unanswered(decision),
    )


def _served_otherwise(
    call: PastCall, record: RoutingRecord, scenario: Scenario, decision: Decision
) -> Replayed:
    if not decision.candidates:
        refused = COOLING if decision.all_cooling else NO_KEY
        return Replayed(
            call=call,
            vendor=call.vendor,
            model=None,
            key_id=None,
            usage=Usage(),
            cost_micro_usd=0,
            refused=refused,
            decision=decision,
            reproduced=False,
            unanswered=_unanswered(decision),
        )
    first = decision.candidates[0]
    target = first.target
    usage = likely(call, record)
    still = None if call.refused in BY_ROUTING else call.refused
    cost = _cost(usage, target.vendor, target.model, call.at, scenario)
    return Replayed(
        call=call,
        vendor=target.vendor,
        model=target.model,
        key_id=first.keys[0],
        usage=Usage() if still else usage,
        cost_micro_usd=0 if still else cost,
        refused=still,
        decision=decision,
        reproduced=False,
        unanswered=_unanswered(decision),
    )


def likely(call: PastCall, record: RoutingRecord | None) -> Usage:
    """What the call used; of one that was refused, what it would likely have used.

    Tokens that a vendor's cache served count as any other at another vendor.
    """
    if call.refused is None:
        return Usage(
            input_tokens=call.usage.input_tokens,
            output_tokens=call.usage.output_tokens,
            source=UsageSource.ESTIMATED,
        )
    facts = None if record is None else record.facts
    return Usage(
        input_tokens=0 if facts is None else facts.input_tokens,
        output_tokens=EXPECTED_OUTPUT if facts is None else expected_output(facts),
        source=UsageSource.ESTIMATED,
    )


def _cost(
    usage: Usage, vendor: str, model: str, at: datetime, scenario: Scenario
) -> int | None:
    price = scenario.price_of(vendor, model, at)
    return None if price is None else cost_of(usage, price)


def _unanswered(decision: Decision | None) -> bool:
    return decision is not None and any(
        note.startswith("unanswered:") for note in decision.notes
    )
