"""What a call under way must hold beside, to be served by another key, vendor or model.

It may be dearer there, write more, or write what nobody sees: so it is asked anew what it
wants, and holds the difference in the quotas that go on applying, and the whole in those of
the key and the model that it comes to. What it held of those that it leaves is released
with the call's end.
"""

from __future__ import annotations

from uuid import UUID

from application.ports import Meter
from domain.budgets import LEAST_OUTPUT, Extension, Need
from domain.errors import LimitReached
from domain.holds import Hold
from domain.quotas import ScopeKind, scope_key
from proxy.holding import FIRST_SLICE, Holding
from proxy.outgoing import Outgoing


class CannotBeKept(LimitReached):
    """The vendor can't be told to write no more than there is room for."""


async def moved(holding: Holding, call: Outgoing, meter: Meter, call_id: UUID) -> Holding:
    """What is held once the call goes there; `LimitReached` or `Unavailable`: it may not.

    The call's body is kept to it.
    """
    then = holding.at(call)
    move = _Move(holding, then)
    staying = move.staying
    if staying and move.asks:
        asked = Extension(facts=then.facts, need=move.difference(), holds=staying)
        move.wrote((await meter.extend(call_id, asked)).output_tokens)
    coming = Extension(facts=then.facts, need=move.whole(), scope_keys=move.coming)
    granted = await meter.extend(call_id, coming)
    if granted.output_tokens is not None:
        move.output = granted.output_tokens
    then.holds, then.output_tokens = (*staying, *granted.holds), move.output
    if then.holds and not then.keep_to_output():
        raise CannotBeKept
    return then


class _Move:
    """From what a call holds to what it wants elsewhere."""

    def __init__(self, holding: Holding, then: Holding) -> None:
        self._before, self._then = holding, then
        self.output = holding.output_tokens or then.need().most_output

    @property
    def staying(self) -> tuple[Hold, ...]:
        """The holds of the quotas that apply there too."""
        facts = self._then.facts
        left = {
            ScopeKind.PROVIDER_KEY: str(facts.provider_key_id),
            ScopeKind.MODEL: facts.requested_model or "",
        }
        holds = self._before.holds
        return tuple(h for h in holds if left.get(h.scope, h.scope_id) == h.scope_id)

    @property
    def coming(self) -> tuple[str, ...]:
        """The scopes that the call was not in before."""
        was, now = self._before.facts, self._then.facts
        key = scope_key(now.team_id, ScopeKind.PROVIDER_KEY, str(now.provider_key_id))
        if now.requested_model == was.requested_model:
            return (key,)
        model = scope_key(now.team_id, ScopeKind.MODEL, now.requested_model or "")
        return (key, model)

    @property
    def asks(self) -> bool:
        """Whether anything but the key is another."""
        was, now = self._before.facts, self._then.facts
        return (was.vendor, was.requested_model) != (now.vendor, now.requested_model)

    @property
    def _more_output(self) -> int:
        """What may be written there beyond what is held, and could not be seen coming."""
        demand = self._then.demand
        most = min(self._then.most, FIRST_SLICE) if demand.visible else self._then.most
        return max(0, most - self.output)

    def difference(self) -> Need:
        """Of the quotas that go on applying."""
        before, then, output = self._before, self._then, self.output
        into = then.demand.input_tokens
        paid = before.cost(before.demand.input_tokens, output) or 0

        def cost(_input: int, more: int) -> int | None:
            after = then.cost(into, output + more)
            return None if after is None else max(0, after - paid)

        return Need(
            input_tokens=max(0, into - before.demand.input_tokens),
            least_output=0,
            most_output=self._more_output,
            cost=cost,
            requests=0,
        )

    def wrote(self, more: int | None) -> None:
        """So much more may be written; None: no quota applies any more."""
        self.output += more or 0

    def whole(self) -> Need:
        """Of the quotas that it comes to."""
        then = self._then
        return Need(
            input_tokens=then.demand.input_tokens,
            least_output=min(self.output, LEAST_OUTPUT * then.demand.choices),
            most_output=self.output,
            cost=then.cost,
        )
