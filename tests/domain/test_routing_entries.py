"""A team's own chains, tags and strategies: judged together, and one for each id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from domain.errors import InvalidFields, NotFound, Refused
from domain.ids import TeamId
from domain.routing_entries import (
    MOST_ENTRIES,
    Body,
    ChainSet,
    EntryExists,
    EntryIsUsed,
    EntryKind,
    EntryRemoved,
    Label,
    ShelfEvent,
    StrategySet,
    TagSet,
    TeamShelf,
    TooManyEntries,
    kind_of,
    shelf_id,
)
from domain.routing_policy import (
    CapabilityStep,
    CapabilityTag,
    ChainStep,
    Conditions,
    CostStrategy,
    CostWeights,
    FallbackChain,
    RouteTarget,
    RoutingShelf,
)
from tests.given import given

TEAM = TeamId(uuid4())
GPT = RouteTarget(vendor="openai", model="gpt-5")
OPUS = RouteTarget(vendor="anthropic", model="claude-opus-4-6")
CHAIN = FallbackChain(id="ours", steps=(GPT, OPUS))
TAG = CapabilityTag(id="polite", detect=Conditions(keywords=("please",)), models=(GPT,))
STRATEGY = CostStrategy(id="cheap", weights=CostWeights(cost=1), models=(GPT,))
BUILT_IN = RoutingShelf(chains={"default": FallbackChain(id="default", steps=(OPUS,))})
LABEL = Label(name="Ours")
REMOVED = EntryRemoved(team_id=TEAM, kind=EntryKind.CHAIN, id="ours")


class Models:
    """Plays `KnownModels`: two vendors, and one model that there is not."""

    def has_vendor(self, vendor: str) -> bool:
        return vendor in {"openai", "anthropic"}

    def has_model(self, vendor: str, model: str) -> bool | None:
        return False if (vendor, model) == ("openai", "gpt-99") else None


def add(shelf: TeamShelf, body: Body) -> list[ShelfEvent]:
    return shelf.add(TEAM, body, LABEL, built_in=BUILT_IN, models=Models())


def change(shelf: TeamShelf, body: Body, label: Label = LABEL) -> list[ShelfEvent]:
    return shelf.change(TEAM, body, label, built_in=BUILT_IN, models=Models())


def chain_set(chain: FallbackChain) -> ChainSet:
    return ChainSet(team_id=TEAM, chain=chain, label=LABEL)


SET = chain_set(CHAIN)


def test_entries_of_each_kind_are_added() -> None:
    empty = given(TeamShelf())
    empty.when(lambda shelf: add(shelf, CHAIN)).then(SET)
    empty.when(lambda shelf: add(shelf, TAG)).then(
        TagSet(team_id=TEAM, tag=TAG, label=LABEL)
    )
    empty.when(lambda shelf: add(shelf, STRATEGY)).then(
        StrategySet(team_id=TEAM, strategy=STRATEGY, label=LABEL)
    )


def test_an_id_is_taken_by_the_teams_own_entry_or_by_a_built_in_one() -> None:
    given(TeamShelf(), SET).when(lambda shelf: add(shelf, CHAIN)).refused(EntryExists)
    built_in = replace(CHAIN, id="default")
    given(TeamShelf()).when(lambda shelf: add(shelf, built_in)).refused(EntryExists)
    of_another_kind = replace(TAG, id="ours")
    given(TeamShelf(), SET).when(lambda shelf: add(shelf, of_another_kind)).then(
        TagSet(team_id=TEAM, tag=of_another_kind, label=LABEL)
    )
    again = given(TeamShelf(), SET, REMOVED)
    again.when(lambda shelf: add(shelf, CHAIN)).then(SET)


def test_what_is_not_there_is_neither_changed_nor_removed() -> None:
    for history in ([], [SET, REMOVED]):
        state = given(TeamShelf(), *history)
        state.when(lambda shelf: change(shelf, CHAIN)).refused(NotFound)
        state.when(lambda one: one.remove(TEAM, EntryKind.CHAIN, "ours")).refused(NotFound)


def test_a_change_to_what_is_already_so_records_nothing() -> None:
    given(TeamShelf(), SET).when(lambda shelf: change(shelf, CHAIN)).then()
    renamed = Label(name="Theirs")
    given(TeamShelf(), SET).when(lambda shelf: change(shelf, CHAIN, renamed)).then(
        replace(SET, label=renamed)
    )


@pytest.mark.parametrize(
    ("history", "body", "field", "code"),
    [
        ([], replace(CHAIN, steps=(ChainStep(chain="ours"),)), "steps", "loops"),
        ([], replace(CHAIN, steps=(ChainStep(chain="x"),)), "steps.0.chain", "unknown"),
        (
            [],
            replace(CHAIN, steps=(replace(GPT, vendor="nobody"),)),
            "steps.0.vendor",
            "unknown",
        ),
        (
            [],
            replace(CHAIN, steps=(OPUS, replace(GPT, model="gpt-99"))),
            "steps.1.model",
            "unknown",
        ),
        ([], replace(CHAIN, id="Not an id"), "id", "not-an-id"),
        ([], replace(TAG, models=(replace(GPT, model="gpt-99"),)), "models.0.model", None),
        ([], replace(STRATEGY, weights=CostWeights()), "weights", "no-weight"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(
    history: Sequence[ShelfEvent], body: Body, field: str, code: str | None
) -> None:
    with pytest.raises(InvalidFields) as refused:
        given(TeamShelf(), *history).when(lambda shelf: add(shelf, body)).then()
    assert refused.value.codes.get(field) == (code or "unknown")


def test_two_chains_that_are_fine_by_themselves_do_not_make_a_loop() -> None:
    other = replace(CHAIN, id="other", steps=(ChainStep(chain="ours"),))
    shelf = TeamShelf().evolve(SET).evolve(chain_set(other))
    with pytest.raises(InvalidFields) as refused:
        change(shelf, replace(CHAIN, steps=(GPT, ChainStep(chain="other"))))
    assert refused.value.codes == {"steps": "loops"}


def test_an_entry_that_another_leads_to_stays() -> None:
    tag_set = TagSet(team_id=TEAM, tag=TAG, label=LABEL)
    steps = (ChainStep(chain="ours"), CapabilityStep(capability="polite"))
    other = chain_set(replace(CHAIN, id="other", steps=steps))
    used = given(TeamShelf(), SET, tag_set, other)
    used.when(lambda one: one.remove(TEAM, EntryKind.CHAIN, "ours")).refused(EntryIsUsed)
    used.when(lambda one: one.remove(TEAM, EntryKind.TAG, "polite")).refused(EntryIsUsed)
    used.when(lambda one: one.remove(TEAM, EntryKind.CHAIN, "other")).then(
        replace(REMOVED, id="other")
    )


def test_a_team_has_room_for_so_many_of_a_kind() -> None:
    shelf = TeamShelf()
    for number in range(MOST_ENTRIES):
        shelf = shelf.evolve(chain_set(replace(CHAIN, id=f"c{number}")))
    with pytest.raises(TooManyEntries):
        add(shelf, CHAIN)
    assert add(shelf, TAG)


def test_the_teams_entries_stand_in_front_of_the_built_in_ones() -> None:
    merged = TeamShelf().evolve(SET).over(BUILT_IN)
    assert merged.chains == {"ours": CHAIN, "default": BUILT_IN.chains["default"]}
    assert TeamShelf().evolve(SET).evolve(REMOVED).over(BUILT_IN) == BUILT_IN


def test_each_team_has_a_shelf_of_its_own() -> None:
    assert shelf_id(TEAM) == shelf_id(TEAM) != shelf_id(TeamId(uuid4()))


ASKS = st.tuples(
    st.sampled_from(["add", "change", "remove"]),
    st.sampled_from([CHAIN, replace(CHAIN, steps=(OPUS,)), TAG, STRATEGY]),
)


@examples(st.lists(ASKS, max_size=12))
def test_a_change_that_was_made_is_not_made_again(asked: list[tuple[str, Body]]) -> None:
    shelf = TeamShelf()
    for ask, body in asked:
        kind = kind_of(body)
        try:
            if ask == "remove":
                events = shelf.remove(TEAM, kind, body.id)
            else:
                events = (add if ask == "add" else change)(shelf, body)
        except Refused:
            continue
        for event in events:
            shelf = shelf.evolve(event)
        if ask != "remove":
            assert change(shelf, body) == []
            assert shelf.of(kind, body.id).body == body
            assert shelf.of(kind, body.id).version <= shelf.version
