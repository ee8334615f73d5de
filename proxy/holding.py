"""What a call asks of the budgets: plays `Wants` at its admission, grows while it streams.

Nothing here costs a call whose team has no quotas: it is made, and never asked.

Of what can be written, a plain call holds all, by the caller's own limit, or the model's,
or `UNKNOWN_OUTPUT`; if it is granted less, its limit is lowered upstream. A stream whose
output can be counted as it comes holds a slice, and the next one before it is needed. Its
bytes are all that can be counted, and they are several to a token: so where less is left
than it may come to, its limit is lowered to that as well, and the vendor ends it, not we.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from typing import Protocol, cast

from application.ports import BoundedPrices
from domain.budgets import LEAST_OUTPUT, Extension, Granted, Need
from domain.calls import CallAdmitted, CallFacts
from domain.events import but
from domain.holds import Hold, PassedOver
from domain.quotas import Mode
from domain.routing_kept import KeptRouting
from domain.vendors import Format
from proxy.demand import Demand, demand_by_size, demand_of
from proxy.further_models import dearest_bound
from proxy.limiting import OUTPUT_LIMIT, with_output_limit
from proxy.outgoing import Outgoing
from proxy.scopes import scope_keys_of

UNKNOWN_OUTPUT = 8_192  # tokens, of a model of which nobody knows how much it writes
FIRST_SLICE = 2_048  # tokens of a stream's output
LARGEST_SLICE = 16_384
ENDLESS = 10**9  # nobody writes more; a stream without a limit has that of what it can hold
NOWHERE: tuple[Outgoing, ...] = ()
NOTHING = Demand(input_tokens=0, output_limit=0, choices=1, visible=False, bounded=True)


class ModelLimits(Protocol):
    """How much models write."""

    def output_limit(self, model: str | None) -> int | None:
        """At most, in one answer, in tokens; None: nobody knows."""


class Holding:
    """One call's wants, and what it was granted."""

    decided = False  # whether quotas were asked: its team has some

    def __init__(
        self,
        call: Outgoing,
        event: CallAdmitted,
        prices: BoundedPrices,
        limits: ModelLimits,
        elsewhere: Callable[[], Iterable[Outgoing]] = lambda: NOWHERE,
    ) -> None:
        """`elsewhere`: the call to each other place where it may go, in order."""
        self.call = call
        self._elsewhere = elsewhere
        self.event = event  # of the admission; or, moved on, as it would have been here
        self._prices = prices
        self._limits = limits
        self.output_tokens = 0  # that are held
        self.holds: tuple[Hold, ...] = ()
        self._room: int | None = None  # of a stream's output, when it was admitted
        # Body, changes and most that may be written, before it was kept to a decision.
        self._before: tuple[bytes, tuple[str, ...], int] | None = None
        # Read when they are asked for (`cached_property` takes a lock for it).
        self._demand: Demand | None = None
        self._most: int | None = None
        self._is_told = True  # how much is written at most: by the caller, or the model
        self._scope_keys: tuple[str, ...] = ()

    @property
    def facts(self) -> CallFacts:
        return self.event.facts

    @property
    def routing(self) -> KeptRouting | None:
        return self.event.routing

    @property
    def demand(self) -> Demand:
        """What the body asks for."""
        demand = self._demand
        if demand is None:
            demand = self._demand = self._read()
        return demand

    def _read(self) -> Demand:
        event, call = self.event, self.call
        if event.format is None:
            return NOTHING
        kind = cast("Format", event.format)
        if call.upload is not None:
            return demand_by_size(kind, call.upload.most)
        return demand_of(kind, call.body, streaming=event.streaming, model=self._model)

    @property
    def _model(self) -> str | None:
        """By its own name; a deployment's name tells nothing of the model behind it."""
        deployed = "deployments/" in self.event.path
        return None if deployed else self.facts.requested_model

    @property
    def most(self) -> int:
        """All that could be written, all choices together."""
        if self._most is not None:
            return self._most
        demand = self.demand
        limit = demand.output_limit
        if limit is None:
            limit = self._limits.output_limit(self._model)
        if limit is None:
            self._is_told = False
            limit = ENDLESS if demand.visible else UNKNOWN_OUTPUT
        most = self._most = min(limit * demand.choices, ENDLESS)
        return most

    def scope_keys(self) -> tuple[str, ...]:
        keys = self._scope_keys
        if not keys:
            bot = self.call.credential.bot
            owner_id = None if bot is None else bot.owner_id
            keys = self._scope_keys = scope_keys_of(self.facts, owner_id)
        return keys

    def need(self) -> Need:
        if self._before is not None:
            self._start_over()
        demand, most = self.demand, self.most
        least = LEAST_OUTPUT * demand.choices
        if not demand.visible:
            least = min(least, most)
            return Need(demand.input_tokens, least, most, self.cost, self._keeps_to)
        most = min(most, FIRST_SLICE)
        least, ever = min(least, most), self._most_ever()
        return Need(demand.input_tokens, least, most, self.cost, most_ever=ever)

    def _most_ever(self) -> int | None:
        """What a stream may come to, as far as its limit could be lowered to less."""
        if not self.demand.visible:
            return None
        return UNKNOWN_OUTPUT if self.most == ENDLESS else self.most

    @property
    def has_others(self) -> bool:
        """Whether there is another key, or another target, that may serve the call."""
        routed = self.call.routed
        return bool(self.call.route.others) or (routed is not None and routed.more)

    @cached_property
    def _others(self) -> tuple[Holding, ...]:
        others = tuple(self.at(call) for call in self._elsewhere())
        for one in others:
            one.demand  # noqa: B018  # read now, not while balances are locked
        return others

    def others(self) -> tuple[Holding, ...]:
        """The wants of the same call elsewhere; made once."""
        return self._others

    def nth(self, nth: int) -> Holding:
        """The wants of the call at that place: 0 is here."""
        return self if nth == 0 else self._others[nth - 1]

    def admitted(
        self, granted: Granted, passed_over: tuple[PassedOver, ...] = ()
    ) -> CallAdmitted:
        """The event; from now on the call is kept to what it was granted."""
        self.decided = True
        event, output = self.event, granted.output_tokens
        if output is None:  # no quota applies, or none any more
            if self.holds or event.passed_over != passed_over:
                self._start_over()
                self.holds, changes = (), self.call.changes
                event = but(event, holds=(), changes=changes, passed_over=passed_over)
            self.event = event
            return event
        self.holds, self.output_tokens = granted.holds, output
        self._room = granted.room
        self.keep_to_output()
        self.event = event = but(
            event,
            holds=granted.holds,
            input_estimate=min(event.input_estimate, self.demand.input_tokens),
            changes=self.call.changes,
            passed_over=passed_over,
        )
        return event

    def keep_to_output(self) -> bool:
        """The vendor is told to write no more than is held; False: it cannot be told."""
        room = self._room
        ever = None if room is None else self._most_ever()
        if room is not None and ever is not None and self.output_tokens <= room < ever:
            lowered = self._limited(room)
            if lowered is not None:
                self._lower(lowered, room)
                self._most = room
        if not self._must_limit():
            return True
        limited = self._limited(self.output_tokens)
        if limited is None:
            return False
        if limited != self.call.body:
            self._lower(limited, self.output_tokens // self.demand.choices)
        return True

    def _start_over(self) -> None:
        """What an earlier decision made of the call is undone: it came to nothing."""
        if self._before is not None:
            self.call.body, self.call.changes, self._most = self._before
            self._before = None

    def _lower(self, body: bytes, limit: int) -> None:
        call = self.call
        if self._before is None:
            self._before = call.body, call.changes, self.most
        call.lower(body, f"{OUTPUT_LIMIT}:{limit}")

    def cost(self, input_tokens: int, output_tokens: int) -> int | None:
        """Micro-dollars that it costs at most with so many tokens; None: nobody knows."""
        if self.event.format is None and not self.call.route.target.endpoint.metered:
            return 0
        facts, units, others = self.event.facts, self.demand.units, self.call.asked.others
        if not others:  # the usual case
            return self._prices.bound(facts, input_tokens, output_tokens, units)
        tokens = input_tokens, output_tokens
        return dearest_bound(self._prices, facts, others, tokens, units)

    def grows(self) -> bool:
        """Whether it is a stream that must hold more before it may go on."""
        return bool(self.holds) and self.demand.visible and self._is_blocked()

    def _is_blocked(self) -> bool:
        """Whether it holds of a quota that would end it."""
        return Mode.BLOCK in [hold.mode for hold in self.holds]

    @property
    def complete(self) -> bool:
        """Whether all is held that could be written."""
        return self.output_tokens >= self.most

    def more(self) -> Extension:
        """The next slice of a stream's output: as much again as is held."""
        held, into = self.output_tokens, self.demand.input_tokens
        before = self.cost(into, held) or 0

        def cost(_input: int, output: int) -> int | None:
            after = self.cost(into, held + output)
            return None if after is None else after - before

        need = Need(
            input_tokens=0,
            least_output=1,
            most_output=min(max(held, FIRST_SLICE), LARGEST_SLICE, self.most - held),
            cost=cost,
            requests=0,
        )
        return Extension(facts=self.facts, need=need, holds=self.holds)

    def grew(self, granted: Granted) -> None:
        """The slice is held, or what could be had of it."""
        self.output_tokens += granted.output_tokens or 0

    def at(self, call: Outgoing) -> Holding:
        """The call's wants where it goes now; nothing of that is held yet (`moving`)."""
        event, admitted_at = call.admitted(self.event.process_id), self.facts.admitted_at
        facts = replace(event.facts, admitted_at=admitted_at)  # prices are those of then
        then = Holding(call, replace(event, facts=facts), self._prices, self._limits)
        then.decided = self.decided
        return then

    def _keeps_to(self, output: int) -> bool:
        return self._limited(output) is not None

    def _must_limit(self) -> bool:
        """Whether the vendor would write more than is held, for all that it knows."""
        if self.demand.visible:
            return False
        if self.complete and (self._is_told or self.most == 0):  # the usual case
            return False
        return self._is_blocked()

    def _limited(self, output: int) -> bytes | None:
        """The body by which no more is written; None: that cannot be said."""
        if self.event.format is None or self.most == 0:
            return self.call.body
        return with_output_limit(
            cast("Format", self.event.format),
            self.call.body,
            output // self.demand.choices,
            model=self._model,
        )
