"""How far a session may go: what a response used is held before the bot hears its end.

One response is held from the admission on, as much as one can come to (`demand.session`).
What each has used is held beside it, in the window of the admission, so that there is
always one more in advance; and where several run at once, one for each of the others before
the vendor is asked. Where that is too much for a quota, the session is over.
"""

from __future__ import annotations

import asyncio

from application.ports import Meter, Prices
from domain.budgets import Extension, Need
from domain.errors import LimitReached, Unavailable
from domain.prices import MOST_OF_A_CALL
from proxy.holding import Holding
from proxy.settlement import MOST_TOKENS, Progress
from proxy.usage.openai_realtime import Ask, OpenAiRealtime


class Allowance:
    """Of one session that holds something of a quota."""

    def __init__(
        self, meter: Meter, prices: Prices, progress: Progress, holding: Holding
    ) -> None:
        self._meter = meter
        self._prices = prices
        self._progress = progress
        self._holding = holding
        self._seen = (0, 0, 0)  # tokens in and out, and responses beside, that are held
        self._held = (0, 0)  # tokens, in and out, beside the response in advance
        self._held_cost = 0
        self._asking = asyncio.Lock()

    async def refusal(self, tally: OpenAiRealtime, ask: Ask | None = None) -> str | None:
        """Why the session must end here, by a code; None: what it used so far is held, what
        is under way, and what is to be asked for.
        """
        async with self._asking:
            return await self._refusal(tally, ask)

    async def _refusal(self, tally: OpenAiRealtime, ask: Ask | None) -> str | None:
        holding, others = self._holding, max(0, tally.at_once(ask) - 1)
        used = _tokens(tally.input_tokens), _tokens(tally.output_tokens)
        if (*used, others) == self._seen:
            return None
        into, out = self._missing(used, others)
        cost = self._cost(tally, others)
        more = holding.cost(into, out) if cost is None else max(0, cost - self._held_cost)
        if into or out or more:
            need = Need(into, out, out, lambda _into, _out: more, requests=0)
            asked = Extension(facts=holding.facts, need=need, holds=holding.holds)
            try:
                await self._meter.extend(self._progress.call_id, asked)
            except LimitReached as error:
                return error.code
            except Unavailable as error:  # it is asked again, while the one ahead suffices
                ahead = holding.demand.input_tokens + holding.output_tokens
                return error.code if others or into + out > ahead else None
        self._seen = *used, others
        self._held = self._held[0] + into, self._held[1] + out
        self._held_cost += more or 0
        return None

    def _missing(self, used: tuple[int, int], others: int) -> tuple[int, int]:
        """Tokens, in and out, that are not held yet."""
        holding = self._holding
        into = used[0] + others * holding.demand.input_tokens
        out = used[1] + others * holding.output_tokens
        missing = max(0, into + out - sum(self._held))
        written = min(missing, max(0, out - self._held[1]))
        return missing - written, written

    def _cost(self, tally: OpenAiRealtime, others: int) -> int | None:
        """Micro-dollars of what was used, and at most of so many responses."""
        facts = self._progress.admitted.facts
        usage = tally.reading(facts.requested_model).usage
        cost, _ = self._prices.priced(usage, facts)
        holding = self._holding
        one = holding.cost(holding.demand.input_tokens, holding.output_tokens)
        if cost is None or one is None:
            return None
        return min(cost, MOST_OF_A_CALL) + others * one


def _tokens(told: int | None) -> int:
    """No more than one call can have, whatever its vendor says."""
    return min(told or 0, MOST_TOKENS)


def allowance_of(meter: Meter, prices: Prices, progress: Progress) -> Allowance | None:
    """For a session of which quotas have a say; None: all others."""
    holding = progress.holding
    if holding is None or not holding.holds:
        return None
    return Allowance(meter, prices, progress, holding)
