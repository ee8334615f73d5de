"""What an invoice's stream says, put together: its lines and its last reconciliation.

Folded from the stream when it is asked for, so it is never behind and needs no table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.events import Event, Recorded
from domain.invoice_csv import InvoiceLine
from domain.invoice_events import (
    InvoiceAdded,
    InvoiceCompared,
    InvoiceFacts,
    InvoiceImported,
    InvoiceLinesKept,
    InvoiceReconciled,
)
from domain.invoice_matching import Outcome, OutcomeKind


@dataclass(frozen=True, kw_only=True)
class ListedInvoice:
    """An invoice as its team's list has it; `number` counts the list up."""

    invoice_id: UUID
    facts: InvoiceFacts
    imported_at: datetime
    number: int


@dataclass(frozen=True, kw_only=True)
class InvoiceReading:
    """All of one invoice, as it was reconciled last."""

    team_id: UUID
    facts: InvoiceFacts
    imported_at: datetime
    version: int
    lines: tuple[InvoiceLine, ...]
    found: InvoiceReconciled
    reconciled_at: datetime
    outcomes: tuple[Outcome, ...]

    def of_kind(self, kind: OutcomeKind) -> list[Outcome]:
        """The outcomes of that kind, by day and model."""
        return [one for one in self.outcomes if one.kind is kind]


def listed(history: Iterable[Recorded[Event]]) -> list[ListedInvoice]:
    """What the stream of a team's invoices lists, the newest first."""
    found = [
        ListedInvoice(
            invoice_id=one.event.invoice_id,
            facts=one.event.facts,
            imported_at=one.at,
            number=one.originator_version,
        )
        for one in history
        if isinstance(one.event, InvoiceAdded)
    ]
    return found[::-1]


def reading(history: Iterable[Recorded[Event]]) -> InvoiceReading | None:
    """What the stream of an invoice says; None if it is none."""
    imported: Recorded[Event] | None = None
    last: Recorded[Event] | None = None
    lines: list[InvoiceLine] = []
    outcomes: tuple[Outcome, ...] = ()
    compared: list[Outcome] = []
    for one in history:
        match one.event:
            case InvoiceImported():
                imported = one
            case InvoiceLinesKept():
                lines += one.event.lines
            case InvoiceCompared():
                compared += one.event.outcomes
            case InvoiceReconciled():
                outcomes, compared, last = tuple(compared) or outcomes, [], one
            case _:
                return None
    if imported is None or last is None:
        return None
    assert isinstance(imported.event, InvoiceImported)
    assert isinstance(last.event, InvoiceReconciled)
    return InvoiceReading(
        team_id=imported.event.team_id,
        facts=imported.event.facts,
        imported_at=imported.at,
        version=last.originator_version,
        lines=tuple(lines),
        found=last.event,
        reconciled_at=last.at,
        outcomes=outcomes,
    )
