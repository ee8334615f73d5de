"""What holds of every decision, whatever the policy, the request and the targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.routing import decide, plan
from domain.routing_decision import WhyNot
from domain.routing_facts import (
    Abilities,
    Answers,
    BotModels,
    RequestFacts,
    TargetState,
    Turn,
)
from domain.routing_policy import (
    CapabilityStep,
    CapabilityTag,
    ChainStep,
    Complexity,
    Conditions,
    Cost,
    CostLimits,
    CostStrategy,
    CostWeights,
    Direct,
    Failover,
    FallbackChain,
    Function,
    Level,
    LoadBalance,
    RouteTarget,
    RoutingPolicy,
    RoutingShelf,
    Rule,
    WeightedTarget,
)
from domain.routing_record import again, record_of
from domain.routing_steps import MOST_TARGETS, spread
from tests.domain.routing_scene import to

TARGETS = [
    RouteTarget(vendor=vendor, model=model, tag=tag, protocol=protocol)
    for vendor in ("a", "b")
    for model in ("m", "n")
    for tag in (None, "eu")
    for protocol in (None, "anthropic")
]
CHAINS = ("one", "two", "three")
targets = st.sampled_from(TARGETS)
steps = st.lists(
    targets
    | st.sampled_from(CHAINS).map(lambda name: ChainStep(chain=name))
    | st.sampled_from(["tag", "gone"]).map(lambda name: CapabilityStep(capability=name)),
    min_size=1,
    max_size=5,
).map(tuple)
shelves = st.builds(
    lambda walks, models: RoutingShelf(
        chains={
            name: FallbackChain(id=name, steps=walk)
            for name, walk in zip(CHAINS, walks, strict=True)
        },
        tags={"tag": CapabilityTag(id="tag", models=tuple(models))},
        strategies={"s": CostStrategy(id="s", weights=CostWeights(cost=1))},
    ),
    st.tuples(steps, steps, steps),
    st.lists(targets, max_size=3),
)
weighted = st.builds(
    lambda target, weight: WeightedTarget(
        vendor=target.vendor, model=target.model, tag=target.tag, weight=weight
    ),
    targets,
    st.integers(0, 5),
)
conditions = st.builds(
    Conditions,
    images=st.sampled_from([None, True, False]),
    keywords=st.sampled_from([(), ("sql",)]),
    min_chars=st.sampled_from([None, 10]),
)
rules = st.builds(Rule, id=st.sampled_from("xyz"), when=conditions, steps=steps)
policies: st.SearchStrategy[RoutingPolicy | None] = st.one_of(
    st.none(),
    st.builds(Direct, target=targets),
    st.builds(
        LoadBalance,
        targets=st.lists(weighted, max_size=5).map(tuple),
        strategy=st.sampled_from(["round_robin", "weighted", "least_latency"]),
    ),
    st.builds(Failover, chain=st.sampled_from([None, *CHAINS, "gone"]), steps=steps),
    st.builds(Function, rules=st.lists(rules, max_size=3).map(tuple), default=steps),
    st.builds(
        Cost,
        strategy=st.sampled_from([None, "s", "gone"]),
        weights=st.sampled_from([None, CostWeights(performance=1, capability=2)]),
        limits=st.sampled_from(
            [None, CostLimits(max_cost_micro_usd=500, max_latency_ms=99)]
        ),
        targets=st.lists(targets, max_size=4).map(tuple),
    ),
    st.builds(
        Complexity,
        simple=steps,
        medium=steps,
        complex=steps,
        classifier=st.sampled_from([None, TARGETS[0]]),
    ),
)
KEYS = [UUID(int=n) for n in range(4)]
standing = st.fixed_dictionaries(
    {
        target: st.builds(
            TargetState,
            known=st.sampled_from([True, True, True, False]),
            speaks=st.sampled_from([True, True, True, False]),
            keys=st.lists(st.sampled_from(KEYS), max_size=3, unique=True).map(tuple),
            cooling=st.integers(0, 1),
            strained=st.booleans(),
            kind=st.sampled_from([None, "text", "image"]),
            latency_ms=st.none() | st.integers(1, 200),
            input_price=st.none() | st.integers(0, 10**7),
            output_price=st.none() | st.integers(0, 10**7),
            abilities=st.none() | st.builds(Abilities, coding=st.integers(0, 100)),
        )
        for target in TARGETS
    }
)
requests = st.builds(
    RequestFacts,
    format=st.sampled_from(["openai-chat", "anthropic-messages", "openai-embeddings"]),
    requested_model=st.sampled_from([None, "auto", "m", "n", "one", "nothing"]),
    chars=st.integers(0, 3000),
    images=st.integers(0, 1),
    hard_words=st.integers(0, 5),
    input_tokens=st.integers(0, 10**6),
)
answers = st.builds(Answers, level=st.none() | st.sampled_from(Level))
turns = st.builds(Turn, count=st.integers(0, 2**64 - 1), dice=st.integers(0, 2**64 - 1))
bots = st.builds(
    BotModels,
    primary=st.none() | targets,
    named=st.lists(targets, max_size=3).map(tuple),
    left_open=st.lists(targets, max_size=2).map(tuple),
)


@settings(max_examples=300, deadline=None)
@given(policies, shelves, requests, answers, bots, standing, turns)
def test_of_every_decision(
    policy: RoutingPolicy | None,
    shelf: RoutingShelf,
    facts: RequestFacts,
    said: Answers,
    bot: BotModels,
    states: dict[RouteTarget, TargetState],
    turn: Turn,
) -> None:
    planned = plan(policy, shelf=shelf, facts=facts, answers=said, bot=bot)
    decision = decide(planned, facts=facts, states=states, turn=turn)
    # The same once more, and from its record.
    assert decide(planned, facts=facts, states=dict(states), turn=turn) == decision
    record = record_of(
        decision,
        planned,
        versions=(1, 1, ""),
        facts=facts,
        answers=said,
        bot=bot,
        states=states,
        turn=turn,
    )
    assert again(record, policy, shelf) == decision
    # Each key of a model at most once, and only such as may serve.
    used = Counter(
        (c.target.vendor, c.target.model, key)
        for c in decision.candidates
        for key in c.keys
    )
    assert set(used.values()) <= {1}
    for candidate in decision.candidates:
        state = states[candidate.target]
        assert state.known
        assert state.speaks
        assert set(candidate.keys) <= set(state.keys)
        assert candidate.target.protocol in {None, facts.format.partition("-")[0]}
    # Nothing that was looked at goes unexplained.
    looked_at = set()
    for stage in planned.stages:
        looked_at |= {one.target for one in stage.targets}
        if looked_at & {c.target for c in decision.candidates}:
            break
    explained = {c.target for c in decision.candidates}
    explained |= {skipped.target for skipped in decision.skipped}
    assert explained == looked_at
    assert len(decision.skipped) + len(decision.candidates) == len(explained)
    if not decision.candidates:
        assert decision.skipped or decision.notes or not planned.targets
        cooling = any(one.why is WhyNot.COOLING for one in decision.skipped)
        assert decision.all_cooling is cooling


@given(shelves, steps)
def test_steps_always_end(shelf: RoutingShelf, walk: Any) -> None:
    found = spread(walk, shelf, [])
    assert len(found) <= MOST_TARGETS
    assert len({one.target for one in found}) == len(found)


class Models(tuple[RouteTarget, ...]):  # noqa: SLOT001  # it counts
    """A tag's, and how often they were read."""

    times = 0

    def __iter__(self) -> Iterator[RouteTarget]:
        self.times += 1
        return super().__iter__()


def test_a_tag_that_many_chains_lead_to_is_read_once() -> None:
    models = Models(TARGETS[:8])
    tags = {"t": CapabilityTag(id="t", models=models)}
    chains = {
        f"c{n}": FallbackChain(id=f"c{n}", steps=(CapabilityStep(capability="t"),))
        for n in range(9)
    }
    steps = tuple(ChainStep(chain=name) for name in chains)
    assert len(spread(steps, RoutingShelf(chains=chains, tags=tags), [])) == 8
    assert models.times == 1


def test_chains_that_branch_again_and_again_end_soon() -> None:
    chains = {
        f"c{n}": FallbackChain(
            id=f"c{n}",
            steps=(
                ChainStep(chain=f"c{n + 1}"),
                to(f"v/{n}"),
                ChainStep(chain=f"c{n + 1}"),
            ),
        )
        for n in range(40)
    }
    notes: list[str] = []
    found = spread((ChainStep(chain="c0"),), RoutingShelf(chains=chains), notes)
    assert len(found) == 40
    assert notes == ["no-such-chain:c40"]
