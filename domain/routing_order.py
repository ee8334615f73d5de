"""Which of several usable targets comes first, and which take over after it.

    round robin    strictly in turn, by the count
    weighted       by the count too: its golden-ratio multiples fall evenly, so that after
                   any number of calls each share is off by a few calls at most, and calls
                   that come in a rhythm do not always meet the same target
    least latency  the faster one of two that the dice choose; one that nobody measured
                   lately counts as the fastest, so that it is measured again

Every process counts from a random start, so together they are as fair as each of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.routing_decision import Why
from domain.routing_facts import TargetState, Turn
from domain.routing_policy import Strategy
from domain.routing_steps import Planned

GOLDEN = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio (Weyl's sequence)
MASK = 2**64 - 1
ONE = 1 << 64

Standing = tuple[Planned, TargetState]
Ordered = list[tuple[Standing, Why]]


def in_steps(usable: Sequence[Standing]) -> Ordered:
    """As they are written down."""
    return _led(usable, Why.FIRST)


def balanced(strategy: Strategy, usable: Sequence[Standing], turn: Turn) -> Ordered:
    """By the strategy; those after the first are its reserves."""
    match strategy:
        case "round_robin":
            start = turn.count % len(usable) if usable else 0
            return _led([*usable[start:], *usable[:start]], Why.TURN)
        case "weighted":
            return _led(_by_weight(usable, turn), Why.WEIGHT)
        case "least_latency":
            return _led(_by_latency(usable, turn), Why.FASTER)


def _led(ordered: Sequence[Standing], why: Why) -> Ordered:
    return [(one, Why.RESERVE if nth else why) for nth, one in enumerate(ordered)]


def _by_weight(usable: Sequence[Standing], turn: Turn) -> list[Standing]:
    """Those without a weight come last."""
    left = [one for one in usable if one[0].weight > 0]
    order: list[Standing] = []
    point = turn.count * GOLDEN & MASK
    while left:
        at = point * sum(planned.weight for planned, _ in left) // ONE
        nth = 0
        while at >= left[nth][0].weight:
            at -= left[nth][0].weight
            nth += 1
        order.append(left.pop(nth))
        point = (turn.dice + len(order)) * GOLDEN & MASK
    return order + [one for one in usable if one[0].weight <= 0]


def _by_latency(usable: Sequence[Standing], turn: Turn) -> list[Standing]:
    rest = sorted(usable, key=_latency)
    if len(rest) < 2:  # noqa: PLR2004
        return rest
    first, second = turn.dice % len(usable), turn.dice // len(usable) % (len(usable) - 1)
    second += second >= first
    chosen = min(usable[first], usable[second], key=_latency)
    rest.remove(chosen)
    return [chosen, *rest]


def _latency(one: Standing) -> int:
    return one[1].latency_ms or 0
