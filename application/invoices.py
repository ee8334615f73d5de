"""Commands about invoices; handlers answer the position reached.

The calls that an invoice is compared with come with the command: what they add up to is a
matter of the read side, and which position that is of stands in what is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from application.bus import Command
from application.event_log import EventLog
from domain.errors import InvalidFields, NotFound
from domain.ids import InvoiceId, TeamId
from domain.invoice_csv import InvoiceLine
from domain.invoice_events import InvoiceFacts
from domain.invoices import CallsThen, Invoice, InvoiceShelf, invoice_shelf_id, lines_of
from domain.keys import ProviderKey


@dataclass(frozen=True, kw_only=True)
class ImportInvoice(Command[int]):
    team_id: TeamId
    invoice_id: InvoiceId
    facts: InvoiceFacts
    lines: tuple[InvoiceLine, ...]
    calls: CallsThen


def import_invoice(command: ImportInvoice, *, event_log: EventLog) -> int:
    team_id, facts = command.team_id, command.facts
    _refuse_others(event_log, team_id, [facts.provider_key_id], field="provider_key_id")
    named = (one.provider_key_id for one in facts.keys)
    _refuse_others(event_log, team_id, named, field="keys")
    invoice = event_log.look(Invoice(), command.invoice_id)
    taken = invoice.state.take(
        team_id=team_id, facts=facts, lines=command.lines, calls=command.calls
    )
    shelf = event_log.look(InvoiceShelf(), invoice_shelf_id(team_id))
    added = shelf.state.add(team_id, command.invoice_id, facts)
    return event_log.append_all((invoice, taken), (shelf, added))


@dataclass(frozen=True, kw_only=True)
class ReconcileInvoice(Command[int]):
    team_id: TeamId
    invoice_id: InvoiceId
    calls: CallsThen


def reconcile_invoice(command: ReconcileInvoice, *, event_log: EventLog) -> int:
    invoice = event_log.read(Invoice(), command.invoice_id)
    if invoice.state.team_id != command.team_id:
        raise NotFound
    lines = lines_of(one.event for one in event_log.history(command.invoice_id))
    return event_log.append(invoice, invoice.state.reconcile(lines, command.calls))


def _refuse_others(
    event_log: EventLog, team_id: TeamId, key_ids: Iterable[UUID | None], *, field: str
) -> None:
    """A removed key may still be named: its calls are in the log."""
    for key_id in set(key_ids) - {None}:
        assert key_id is not None
        if event_log.look(ProviderKey(), key_id).state.team_id != team_id:
            raise InvalidFields(**{field: "not-found"})
