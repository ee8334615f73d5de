"""Invoices: a vendor's usage export as a team imported it, and what came of comparing it.

An invoice's id follows from what was imported, so that the same export is not there twice.
A reconciliation names the position of the calls log at which it saw the calls: asked again,
it looks at them as they are by then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import TypeVar, assert_never
from uuid import UUID, uuid5

from domain.errors import Conflict, InvalidFields, NotFound
from domain.events import Event
from domain.ids import InvoiceId, TeamId
from domain.invoice_csv import InvoiceFormat, InvoiceLine
from domain.invoice_events import (
    InvoiceAdded,
    InvoiceCompared,
    InvoiceEvent,
    InvoiceFacts,
    InvoiceImported,
    InvoiceLinesKept,
    InvoiceReconciled,
    NamedKey,
)
from domain.invoice_matching import (
    CalledGroup,
    Counted,
    Outcome,
    OutcomeKind,
    Told,
    reconciled,
    told_by,
)

_INVOICES = UUID("0b9e7c5a-5a55-5f0e-8c55-4d6d1c0f7a21")
_SHELVES = UUID("c1f5a8de-3c0d-5b3f-9a55-0f4be7d2a944")
PAGE = 200  # lines or outcomes in one event, some 60 kB
MOST_DAYS = 400
MOST_OUTCOMES = 20_000
MOST_RECONCILIATIONS = 100
MOST_INVOICES = 2_000


class InvoiceIsImported(Conflict):
    """This very export was imported before: reconcile that invoice again instead."""

    code = "invoice-is-imported"


class TooManyReconciliations(Conflict):
    """An invoice is reconciled at most a hundred times."""

    code = "too-many-reconciliations"


class TooManyInvoices(Conflict):
    """A team has at most two thousand invoices."""

    code = "too-many-invoices"


@dataclass(frozen=True, kw_only=True)
class CallsThen:
    """All calls of the vendor in the invoice's time, as they stood at a position."""

    position: int
    groups: tuple[CalledGroup, ...]


@dataclass(frozen=True, kw_only=True)
class Invoice:
    """One invoice, as far as its own rules need to know it; its lines are not kept here."""

    team_id: TeamId | None = None
    facts: InvoiceFacts | None = None
    position: int = -1
    times: int = 0
    outcomes_hash: str = ""

    def take(
        self,
        *,
        team_id: TeamId,
        facts: InvoiceFacts,
        lines: Sequence[InvoiceLine],
        calls: CallsThen,
    ) -> list[InvoiceEvent]:
        """Keep the lines, and what they are when compared with the calls."""
        if self.facts is not None:
            raise InvoiceIsImported
        taken: list[InvoiceEvent] = [InvoiceImported(team_id=team_id, facts=facts)]
        taken += [InvoiceLinesKept(lines=page) for page in _pages(lines)]
        return taken + replace(self, facts=facts).reconcile(lines, calls)

    def reconcile(
        self, lines: Iterable[InvoiceLine], calls: CallsThen
    ) -> list[InvoiceEvent]:
        """Compare anew; nothing where the calls log has not moved on since."""
        if self.facts is None:
            raise NotFound
        if calls.position <= self.position:
            return []
        if self.times >= MOST_RECONCILIATIONS:
            raise TooManyReconciliations
        outcomes = reconciled(
            lines,
            calls.groups,
            keys={one.name: one.provider_key_id for one in self.facts.keys},
            only_key=self.facts.provider_key_id,
        )
        if len(outcomes) > MOST_OUTCOMES:
            raise InvalidFields(content="too-many-calls")
        found = _found(outcomes, calls.position)
        if found.outcomes_hash == self.outcomes_hash:
            return [found]
        return [*(InvoiceCompared(outcomes=page) for page in _pages(outcomes)), found]

    def evolve(self, event: InvoiceEvent) -> Invoice:
        match event:
            case InvoiceImported():
                return replace(self, team_id=event.team_id, facts=event.facts)
            case InvoiceLinesKept() | InvoiceCompared():
                return self
            case InvoiceReconciled():
                return replace(
                    self,
                    position=event.position,
                    times=self.times + 1,
                    outcomes_hash=event.outcomes_hash,
                )
            case _:
                assert_never(event)


@dataclass(frozen=True, kw_only=True)
class InvoiceShelf:
    """How many invoices a team has."""

    invoices: int = 0

    def add(
        self, team_id: TeamId, invoice_id: InvoiceId, facts: InvoiceFacts
    ) -> list[InvoiceAdded]:
        """One more."""
        if self.invoices >= MOST_INVOICES:
            raise TooManyInvoices
        return [InvoiceAdded(team_id=team_id, invoice_id=invoice_id, facts=facts)]

    def evolve(self, _: InvoiceAdded) -> InvoiceShelf:
        return replace(self, invoices=self.invoices + 1)


def invoice_shelf_id(team_id: TeamId) -> UUID:
    """The stream that says which invoices the team has."""
    return uuid5(_SHELVES, str(team_id))


def invoice_id(team_id: TeamId, facts: InvoiceFacts, content: str) -> InvoiceId:
    """The stream of what is imported: the same for the same text, read the same way."""
    read = [asdict(facts), hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()]
    return InvoiceId(uuid5(_INVOICES, f"{team_id} {_hash(read)}"))


def facts_of(  # noqa: PLR0913 - what an import is asked with
    lines: Sequence[InvoiceLine],
    *,
    vendor: str,
    layout: InvoiceFormat,
    time_zone: str,
    provider_key_id: UUID | None,
    keys: Iterable[NamedKey],
) -> InvoiceFacts:
    """What there is to say of these lines; refused if they are of too many days."""
    days = [line.day for line in lines]
    if (max(days) - min(days)).days >= MOST_DAYS:
        raise InvalidFields(content="too-many-days")
    return InvoiceFacts(
        vendor=vendor,
        format=layout,
        provider_key_id=provider_key_id,
        keys=tuple(sorted(keys, key=lambda one: one.name)),
        time_zone=time_zone,
        first_day=min(days),
        last_day=max(days),
        lines=len(lines),
        told=sum(map(told_by, lines), start=Told()),
    )


def lines_of(events: Iterable[Event]) -> tuple[InvoiceLine, ...]:
    """All lines that the stream keeps."""
    kept = (one.lines for one in events if isinstance(one, InvoiceLinesKept))
    return tuple(chain.from_iterable(kept))


def _found(outcomes: Sequence[Outcome], position: int) -> InvoiceReconciled:
    kinds = [one.kind for one in outcomes]
    matched, unmatched = Counted(), Counted()
    for one in outcomes:
        if one.counted is not None and one.told is not None:
            matched += one.counted
        elif one.counted is not None:
            unmatched += one.counted
    return InvoiceReconciled(
        position=position,
        matches=kinds.count(OutcomeKind.MATCH),
        variances=kinds.count(OutcomeKind.VARIANCE),
        unmatched_lines=kinds.count(OutcomeKind.UNMATCHED_LINE),
        unmatched_calls=kinds.count(OutcomeKind.UNMATCHED_CALL),
        matched=matched,
        unmatched=unmatched,
        outcomes_hash=_hash([asdict(one) for one in outcomes]),
    )


def _hash(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


PartT = TypeVar("PartT")


def _pages(whole: Sequence[PartT]) -> Iterator[tuple[PartT, ...]]:
    for start in range(0, len(whole), PAGE):
        yield tuple(whole[start : start + PAGE])
