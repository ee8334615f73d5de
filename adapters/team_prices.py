"""What a call cost, for the team that made it.

The vendor's own word comes first, then the team's price of the model that the answer
names, then its price of the one that was asked for (vendors answer `gpt-5` as
`gpt-5-2025-08-07`), then what is published, then our small table. Before there is an
answer, the dearest holds of all that the model may be charged by.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from uuid import UUID

from adapters.answered_names import AnsweredNames
from adapters.prices import PriceBook, Priced, charged
from domain.calls import CallFacts
from domain.price_bounds import bound_of
from domain.prices import NO_OTHER
from domain.usage import OtherUnits, Usage
from projections.model_prices import TeamPrice

TEAM = "team"

Lookup = Callable[[UUID, str, str], TeamPrice | None]
Akin = Callable[[UUID, str, str], Collection[TeamPrice]]


def _none(_team_id: UUID, _vendor: str, _model: str) -> Collection[TeamPrice]:
    return ()


class TeamPriceBook:
    """Plays `BoundedPrices`."""

    def __init__(self, book: PriceBook, team_price: Lookup, akin: Akin = _none) -> None:
        """Both answer from memory: they are asked several times for each call. `akin` is
        needed for bounds alone."""
        self._book = book
        self._team_price = team_price
        self._akin = akin
        self._answered = AnsweredNames()

    def price_of(self, facts: CallFacts) -> Priced | None:
        """The price that the call is charged by, if its vendor does not name the cost."""
        model = facts.model or facts.requested_model
        return None if model is None else self._charged_as(facts, model)

    def _charged_as(self, facts: CallFacts, model: str) -> Priced | None:
        """The price of the call if it is answered by that model."""
        asked, own = facts.requested_model, self._own(facts, model)
        if own is None and asked is not None and asked != model:
            own = self._own(facts, asked)
        if own is not None:
            return own
        return self._book.price_of(facts.vendor, model, facts.admitted_at)

    def priced(self, usage: Usage, facts: CallFacts) -> tuple[int | None, str | None]:
        """The cost in whole micro-dollars, and its source; both None when it is unknown."""
        asked, model = facts.requested_model, facts.model
        if asked != model and asked is not None and model is not None:
            self._answered.note(facts.team_id, facts.vendor, asked, model)
        return charged(usage, self.price_of(facts))

    def bound(
        self,
        facts: CallFacts,
        input_tokens: int,
        output_tokens: int,
        units: OtherUnits = NO_OTHER,
    ) -> int | None:
        """The most that a call of no more than all this costs; None: nobody knows."""
        model = facts.requested_model
        if model is None:
            return None
        team_id, vendor = facts.team_id, facts.vendor
        own = self._team_price(team_id, vendor, model)
        found = own or self._book.price_of(vendor, model, facts.admitted_at)
        if found is None:
            return None
        usual = found.price
        most = bound_of(usual, input_tokens, output_tokens, units)
        for akin in self._akin(team_id, vendor, model):
            if akin.price is not usual:
                most = _dearer(
                    most, bound_of(akin.price, input_tokens, output_tokens, units)
                )
        for name in self._answered.of(team_id, vendor, model):
            other = self._charged_as(facts, name)
            if other is not None:
                cost = bound_of(other.price, input_tokens, output_tokens, units)
                most = _dearer(most, cost)
        return most

    def _own(self, facts: CallFacts, model: str) -> Priced | None:
        found = self._team_price(facts.team_id, facts.vendor, model)
        if found is None:
            return None
        return Priced(price=found.price, source=TEAM, version=str(found.version))


def _dearer(one: int | None, other: int | None) -> int | None:
    """None: nobody knows."""
    return None if one is None or other is None else max(one, other)
