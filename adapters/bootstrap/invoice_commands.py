"""Who handles the commands about invoices."""

from __future__ import annotations

from functools import partial

from application import invoices
from application.bus import Bus
from application.event_log import EventLog


def register_invoices(bus: Bus, event_log: EventLog) -> None:
    """The bus knows them from now on."""
    take = partial(invoices.import_invoice, event_log=event_log)
    bus.register(invoices.ImportInvoice, take)
    again = partial(invoices.reconcile_invoice, event_log=event_log)
    bus.register(invoices.ReconcileInvoice, again)
