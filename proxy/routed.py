"""An `auto` call that was decided: its candidates, made ready one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace

from domain.catalog import PathNotAllowed
from domain.errors import Refused
from domain.routing_catalog import RoutingCatalog
from domain.routing_decision import Candidate, Decision, RoutingRecord, Why
from domain.routing_kept import KeptRouting, kept
from domain.routing_policy import Retry, RouteTarget, Trigger
from proxy.admission import Admission, Credential
from proxy.auto import Asking, directed, why_not
from proxy.outgoing import Outgoing, outgoing
from proxy.refusals import NoUsableKey


class Routed:
    """Lives as long as its call is tried."""

    def __init__(
        self,
        admission: Admission,
        credential: Credential,
        asking: Asking,
        decided: tuple[Decision, RoutingRecord],
        catalog: RoutingCatalog,
    ) -> None:
        self._admission = admission
        self._credential = credential
        self._asking = asking
        self._decision, record = decided
        self._catalog = catalog
        self.kept: KeptRouting = kept(record)
        self._left = list(self._decision.candidates)

    @property
    def more(self) -> bool:
        """Whether there are candidates that were not tried."""
        return bool(self._left)

    @property
    def trigger(self) -> Trigger | None:
        """What makes the call go on; None: what every call goes on for."""
        return self._decision.trigger

    @property
    def retry(self) -> Retry | None:
        """How often, and after what wait; None: as often as there are candidates."""
        return self._decision.retry

    def first(self) -> Outgoing:
        """The call to its first candidate; `Refused` if there is none that may be asked."""
        refused: Refused | None = None
        for made in self._made():
            if isinstance(made, Outgoing):
                return made
            refused = refused or made
        if refused is not None:
            raise refused
        raise why_not(self._decision)

    def following(self) -> Outgoing | None:
        """The call to the next candidate that may be asked."""
        return next((made for made in self._made() if isinstance(made, Outgoing)), None)

    def others(self) -> Iterator[Outgoing]:
        """The call to each candidate that was not tried, and knows those after it."""
        ahead = self._from_here()
        while (made := ahead.following()) is not None:
            made.routed = ahead._from_here()  # noqa: SLF001  # its own kind
            yield made

    def _from_here(self) -> Routed:
        found = copy(self)
        found._left = list(self._left)  # noqa: SLF001  # its own kind
        return found

    def leave_for_later(self, call: Outgoing) -> None:
        """The other keys that the call could use where it goes come after all others."""
        others = tuple(key.key_id for key in call.route.others)
        if others:
            target = RouteTarget(vendor=call.route.vendor.id, model=call.model or "")
            self._left.append(Candidate(target=target, keys=others, why=Why.RESERVE))

    def _made(self) -> Iterator[Outgoing | Refused]:
        while self._left:
            try:
                yield self._outgoing(self._left.pop(0))
            except (NoUsableKey, PathNotAllowed) as error:
                yield error

    def _outgoing(self, candidate: Candidate) -> Outgoing:
        vendor_id, model = candidate.target.vendor, candidate.target.model
        incoming, body = directed(self._asking, vendor_id, model, self._catalog)
        vendor = self._admission.vendor(incoming)
        self._admission.look(self._credential, incoming, vendor)
        known = self._admission.routes.table.keys
        keys = [known[key_id] for key_id in candidate.keys if key_id in known]
        route = self._admission.first_of(incoming, vendor, keys)
        asked = replace(self._asking.asked, model=model)
        call = outgoing(self._credential, incoming, route, asked, body)
        call.routed = self
        return call
