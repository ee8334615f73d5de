"""Steps written out: which targets the chains and tags in them come to.

Each target, chain and tag counts once, at its first place. So a chain that leads back to
itself ends all the same; that is noted, and so is what is named and not on the shelf.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import assert_never

from domain.routing_policy import (
    CapabilityStep,
    ChainStep,
    Complexity,
    Cost,
    Direct,
    Failover,
    Function,
    Kind,
    LoadBalance,
    RouteTarget,
    RoutingPolicy,
    RoutingShelf,
    Step,
)

MOST_TARGETS = 64  # of the steps of a policy, a rule or a chain
MOST_REMEMBERED = 1000  # lists of steps, of one shelf


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A target in its place; `kind` is what its chain or tag is for, `weight` its share."""

    target: RouteTarget
    kind: Kind | None = None
    weight: int = 1


def steps_of(policy: RoutingPolicy, shelf: RoutingShelf) -> tuple[Step, ...]:
    """Every step that the policy may take, but for its classifier."""
    match policy:
        case Direct(target=target):
            return (target,)
        case LoadBalance(targets=targets):
            return tuple(weighted.target for weighted in targets)
        case Failover(chain=chain, steps=steps):
            return (*([ChainStep(chain=chain)] if chain else []), *steps)
        case Function(rules=rules, default=default):
            return (*(step for rule in rules for step in rule.steps), *default)
        case Cost(strategy=strategy, targets=targets):
            known = None if strategy is None else shelf.strategies.get(strategy)
            return targets or (known.models if known else ())
        case Complexity():
            return (*policy.simple, *policy.medium, *policy.complex)
        case _:
            assert_never(policy)


def spread(
    steps: tuple[Step, ...], shelf: RoutingShelf, notes: list[str]
) -> tuple[Planned, ...]:
    """The targets of the steps, each once; what cannot be followed goes to the notes."""
    known = shelf.written_out.get(steps)
    if known is None:
        if len(shelf.written_out) >= MOST_REMEMBERED:
            shelf.written_out.clear()
        known = shelf.written_out[steps] = _spread(steps, shelf)
    targets, noted = known
    notes += noted
    return targets


def _spread(
    steps: tuple[Step, ...], shelf: RoutingShelf
) -> tuple[tuple[Planned, ...], tuple[str, ...]]:
    found: dict[RouteTarget, Planned] = {}
    notes: list[str] = []
    for planned in _Spreading(shelf, notes).over(steps, kind=None, within=()):
        if len(found) == MOST_TARGETS and planned.target not in found:
            notes.append("too-many-targets")
            break
        found.setdefault(planned.target, planned)
    return tuple(found.values()), tuple(dict.fromkeys(notes))


class _Spreading:
    def __init__(self, shelf: RoutingShelf, notes: list[str]) -> None:
        self._shelf = shelf
        self._notes = notes
        self._seen: set[Step] = set()

    def over(
        self, steps: Iterable[Step], *, kind: Kind | None, within: tuple[str, ...]
    ) -> Iterator[Planned]:
        for step in steps:
            match step:
                case ChainStep(chain=name):
                    yield from self._chain(name, kind, within)
                case CapabilityStep(capability=name):
                    yield from self._tag(name, kind)
                case RouteTarget():
                    yield Planned(target=step, kind=kind)
                case _:
                    assert_never(step)

    def _chain(
        self, name: str, kind: Kind | None, within: tuple[str, ...]
    ) -> Iterator[Planned]:
        if name in within:
            self._notes.append(f"chain-loops:{name}")
        if self._was_seen(ChainStep(chain=name)):
            return
        chain = self._shelf.chains.get(name)
        if chain is None:
            self._notes.append(f"no-such-chain:{name}")
            return
        own = kind if chain.kind == "text" else chain.kind
        yield from self.over(chain.steps, kind=own, within=(*within, name))

    def _tag(self, name: str, kind: Kind | None) -> Iterator[Planned]:
        if self._was_seen(CapabilityStep(capability=name)):
            return
        tag = self._shelf.tags.get(name)
        if tag is None:
            self._notes.append(f"no-such-capability:{name}")
            return
        own = kind if tag.kind == "text" else tag.kind
        yield from (Planned(target=target, kind=own) for target in tag.models)

    def _was_seen(self, step: Step) -> bool:
        before = step in self._seen
        self._seen.add(step)
        return before
