"""`/api/invoice`: a vendor's usage export, compared with the calls that we know of."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.callers import TheUser
from api.invoice_calls import calls_then, named_keys
from api.invoice_shapes import (
    CountedOut,
    InvoiceDetail,
    InvoiceOut,
    InvoiceTotalsOut,
    LineOut,
    NewInvoice,
    ReconciledOut,
    ToldOut,
    differences,
    fields_of,
    outcome_shown,
)
from api.paging import TheCursors
from api.positions import reached, tag_version
from api.shapes import ListQuery, Page
from api.vendors import vendor_of
from api.wired import TheSystem, Wired
from application.invoices import ImportInvoice, ReconcileInvoice
from domain.errors import InvalidFields, NotFound
from domain.ids import InvoiceId, TeamId
from domain.invoice_csv import read_lines
from domain.invoice_matching import OutcomeKind
from domain.invoices import facts_of, invoice_id, invoice_shelf_id
from domain.log import CALLS
from domain.windows import time_zones
from projections.invoices import InvoiceReading, ListedInvoice, listed, reading

router = APIRouter(prefix="/api/invoice", tags=["invoices"])


@router.get("")
def all_invoices(
    query: Annotated[ListQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    response: Response,
) -> Page[InvoiceOut]:
    """The team's invoices, the newest first."""
    reached(response, system.fleet.head())
    before = cursors.read(query.cursor, int) if query.cursor else None
    found = [
        one
        for one in listed(system.fleet.history(invoice_shelf_id(user.team_id)))
        if before is None or one.number < before
    ]
    rows, cursor = cursors.page(found[: query.limit + 1], query.limit, _place)
    return Page(items=[_listed(one) for one in rows], next_cursor=cursor)


@router.post("", status_code=201)
def import_invoice(
    new: NewInvoice, user: TheUser, system: TheSystem, response: Response
) -> ReconciledOut:
    """Keep the lines of the export, and compare them with the calls as they stand."""
    if new.time_zone not in time_zones():
        raise InvalidFields(time_zone="unknown")
    vendor, text = vendor_of(system.catalog, new.vendor).id, new.text()
    lines = read_lines(text, new.format, new.time_zone)
    facts = facts_of(
        lines,
        vendor=vendor,
        layout=new.format,
        time_zone=new.time_zone,
        provider_key_id=new.provider_key_id,
        keys=named_keys(system, user.team_id, vendor, lines, new.keys),
    )
    new_id = invoice_id(user.team_id, facts, text)
    command = ImportInvoice(
        team_id=user.team_id,
        invoice_id=new_id,
        facts=facts,
        lines=lines,
        calls=calls_then(system, user.team_id, facts),
    )
    reached(response, system.bus.handle(command, by=user.caller))
    found = _found(system, user.team_id, new_id, response)
    return ReconciledOut.model_validate(_reconciled(new_id, found))


@router.get("/{invoice_id}")
def one_invoice(
    invoice_id: UUID, user: TheUser, system: TheSystem, response: Response
) -> InvoiceDetail:
    """All lines, and what came of comparing them with the calls."""
    reached(response, system.fleet.head())
    found = _found(system, user.team_id, invoice_id, response)
    return _shown(invoice_id, found)


@router.post("/{invoice_id}/reconcile")
def reconcile(
    invoice_id: UUID, user: TheUser, system: TheSystem, response: Response
) -> InvoiceDetail:
    """Compare with the calls as they stand by now; the last time is kept in the log."""
    facts = _found(system, user.team_id, invoice_id, response).facts
    command = ReconcileInvoice(
        team_id=user.team_id,
        invoice_id=InvoiceId(invoice_id),
        calls=calls_then(system, user.team_id, facts),
    )
    reached(response, system.bus.handle(command, by=user.caller))
    return _shown(invoice_id, _found(system, user.team_id, invoice_id, response))


def _found(
    system: Wired, team_id: TeamId, invoice_id: UUID, response: Response
) -> InvoiceReading:
    """The team's invoice; another team's, or another stream, is not there."""
    found = reading(system.fleet.history(invoice_id))
    if found is None or found.team_id != team_id:
        raise NotFound
    tag_version(response, found.version)
    return found


def _place(one: ListedInvoice) -> tuple[int]:
    return (one.number,)


def _listed(one: ListedInvoice) -> InvoiceOut:
    return InvoiceOut.model_validate(fields_of(one.invoice_id, one.facts, one.imported_at))


def _shown(invoice_id: UUID, one: InvoiceReading) -> InvoiceDetail:
    def of(kind: OutcomeKind) -> list[object]:
        return [outcome_shown(outcome) for outcome in one.of_kind(kind)]

    whole = _reconciled(invoice_id, one) | {
        "lines": [LineOut.model_validate(line) for line in one.lines],
        "matches": of(OutcomeKind.MATCH),
        "variances": of(OutcomeKind.VARIANCE),
        "unmatched_lines": of(OutcomeKind.UNMATCHED_LINE),
        "unmatched_calls": of(OutcomeKind.UNMATCHED_CALL),
    }
    return InvoiceDetail.model_validate(whole)


def _reconciled(invoice_id: UUID, one: InvoiceReading) -> dict[str, object]:
    since, until = one.facts.time()
    found, counted = one.found, one.found.matched + one.found.unmatched
    totals = InvoiceTotalsOut(
        since=since,
        until=until,
        told=ToldOut.model_validate(one.facts.told),
        counted=CountedOut.model_validate(counted),
        matched=CountedOut.model_validate(found.matched),
        unmatched=CountedOut.model_validate(found.unmatched),
        differences=differences(one.facts.told, counted),
        matches=found.matches,
        variances=found.variances,
        unmatched_lines=found.unmatched_lines,
        unmatched_calls=found.unmatched_calls,
    )
    return fields_of(invoice_id, one.facts, one.imported_at) | {
        "position": f"{CALLS}={found.position}",
        "reconciled_at": one.reconciled_at,
        "totals": totals,
    }
