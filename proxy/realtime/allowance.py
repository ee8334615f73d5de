"""How far a session may go: what a response used is held before the bot hears its end.

One answer is held from the admission on. What each response has used is held beside it, in
the window of the admission, so that there is always one more in advance; where that is too
much for a quota, the session is over. What one answer uses beyond what is held for it is
known when it ends, as for any call.
"""

from __future__ import annotations

from application.ports import Meter, Prices
from domain.budgets import Extension, Need
from domain.errors import LimitReached, Unavailable
from proxy.holding import Holding
from proxy.settlement import MOST_MICRO_USD, MOST_TOKENS, Progress
from proxy.usage.openai_realtime import OpenAiRealtime


class Allowance:
    """Of one session that holds something of a quota."""

    def __init__(
        self, meter: Meter, prices: Prices, progress: Progress, holding: Holding
    ) -> None:
        self._meter = meter
        self._prices = prices
        self._progress = progress
        self._holding = holding
        self._held = (0, 0)  # tokens of responses, in and out, that are held by now
        self._held_cost = 0

    async def refusal(self, tally: OpenAiRealtime) -> str | None:
        """Why the session must end here, by a code; None: what it used so far is held."""
        used = _tokens(tally.input_tokens), _tokens(tally.output_tokens)
        if used == self._held:
            return None
        into, out = (max(0, now - held) for now, held in zip(used, self._held, strict=True))
        holding = self._holding
        cost = self._cost(tally)
        more = holding.cost(into, out) if cost is None else max(0, cost - self._held_cost)
        need = Need(into, out, out, lambda _into, _out: more, requests=0)
        asked = Extension(facts=holding.facts, need=need, holds=holding.holds)
        try:
            await self._meter.extend(self._progress.call_id, asked)
        except LimitReached as error:
            return error.code
        except Unavailable as error:  # it is asked again, while the answer ahead suffices
            return None if into + out <= holding.output_tokens else error.code
        self._held, self._held_cost = used, self._held_cost + (more or 0)
        return None

    def _cost(self, tally: OpenAiRealtime) -> int | None:
        facts = self._progress.admitted.facts
        usage = tally.reading(facts.requested_model).usage
        cost, _ = self._prices.priced(usage, facts)
        return None if cost is None else min(cost, MOST_MICRO_USD)


def _tokens(told: int | None) -> int:
    """No more than one call can have, whatever its vendor says."""
    return min(told or 0, MOST_TOKENS)


def allowance_of(meter: Meter, prices: Prices, progress: Progress) -> Allowance | None:
    """For a session of which quotas have a say; None: all others."""
    holding = progress.holding
    if holding is None or not holding.holds:
        return None
    return Allowance(meter, prices, progress, holding)
