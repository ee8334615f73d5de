"""What is recorded of invoices, and the facts that stand on them.

The stream of an invoice keeps the lines and every reconciliation, in pages; which invoices
a team has stands in a stream of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.events import Event
from domain.ids import InvoiceId, TeamId
from domain.invoice_csv import InvoiceFormat, InvoiceLine
from domain.invoice_matching import Counted, Outcome, Told
from domain.windows import Window, window_of


@dataclass(frozen=True, kw_only=True)
class NamedKey:
    """What the vendor calls one of the team's keys."""

    name: str
    provider_key_id: UUID


@dataclass(frozen=True, kw_only=True)
class InvoiceFacts:
    """Whose export it is, of which days, and how it is to be read.

    With a `provider_key_id` all of it is of that key.
    """

    vendor: str
    format: InvoiceFormat
    provider_key_id: UUID | None
    keys: tuple[NamedKey, ...]
    time_zone: str
    first_day: date
    last_day: date
    lines: int
    told: Told

    def time(self) -> tuple[datetime, datetime]:
        """From the first day's beginning to the last one's end, in UTC."""
        since, _ = window_of(Window.DAY, self.time_zone, self._noon(self.first_day))
        _, until = window_of(Window.DAY, self.time_zone, self._noon(self.last_day))
        assert until is not None, "days have an end"
        return since, until

    def _noon(self, day: date) -> datetime:
        return datetime.combine(day, time(12), tzinfo=ZoneInfo(self.time_zone))


@dataclass(frozen=True, kw_only=True)
class InvoiceImported(Event, topic="invoice.imported"):
    team_id: TeamId
    facts: InvoiceFacts


@dataclass(frozen=True, kw_only=True)
class InvoiceLinesKept(Event, topic="invoice.lines_kept"):
    """The next lines of it."""

    lines: tuple[InvoiceLine, ...]


@dataclass(frozen=True, kw_only=True)
class InvoiceCompared(Event, topic="invoice.compared"):
    """The next outcomes of the reconciliation that is recorded behind them."""

    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, kw_only=True)
class InvoiceReconciled(Event, topic="invoice.reconciled"):
    """Without outcomes before it, they are those of the last time."""

    position: int  # of the calls log
    matches: int
    variances: int
    unmatched_lines: int
    unmatched_calls: int  # groups of them
    matched: Counted  # in matches and variances
    unmatched: Counted
    outcomes_hash: str


@dataclass(frozen=True, kw_only=True)
class InvoiceAdded(Event, topic="invoice_shelf.invoice_added"):
    team_id: TeamId
    invoice_id: InvoiceId
    facts: InvoiceFacts


InvoiceEvent = InvoiceImported | InvoiceLinesKept | InvoiceCompared | InvoiceReconciled
