"""What a call cost, for the team that made it.

The vendor's own word comes first, then the team's price of the model that the answer
names, then its price of the one that was asked for (vendors answer `gpt-5` as
`gpt-5-2025-08-07`), then what is published, then our small table.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from adapters.prices import PriceBook, Priced, charged
from domain.calls import CallFacts
from domain.price_bounds import bound_of
from domain.prices import NO_OTHER
from domain.usage import OtherUnits, Usage
from projections.model_prices import TeamPrice

TEAM = "team"

Lookup = Callable[[UUID, str, str], TeamPrice | None]


class TeamPriceBook:
    """Plays `BoundedPrices`."""

    def __init__(self, book: PriceBook, team_price: Lookup) -> None:
        """`team_price` answers from memory: it is asked twice for each call."""
        self._book = book
        self._team_price = team_price

    def price_of(self, facts: CallFacts) -> Priced | None:
        """The price that the call is charged by, if its vendor does not name the cost."""
        asked, model = facts.requested_model, facts.model or facts.requested_model
        if model is None:
            return None
        own = self._own(facts, model)
        if own is None and asked is not None and asked != model:
            own = self._own(facts, asked)
        if own is not None:
            return own
        return self._book.price_of(facts.vendor, model, facts.admitted_at)

    def priced(self, usage: Usage, facts: CallFacts) -> tuple[int | None, str | None]:
        """The cost in whole micro-dollars, and its source; both None when it is unknown."""
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
        own = self._team_price(facts.team_id, facts.vendor, model)
        if own is not None:
            return bound_of(own.price, input_tokens, output_tokens, units)
        found = self._book.price_of(facts.vendor, model, facts.admitted_at)
        if found is None:
            return None
        return bound_of(found.price, input_tokens, output_tokens, units)

    def _own(self, facts: CallFacts, model: str) -> Priced | None:
        found = self._team_price(facts.team_id, facts.vendor, model)
        if found is None:
            return None
        return Priced(price=found.price, source=TEAM, version=str(found.version))
