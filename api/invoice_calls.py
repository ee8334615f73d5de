"""What an invoice is compared with: the team's keys by name, and its calls by day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from api.usage_groups import MOST_KEYS
from api.wired import Wired
from domain.ids import TeamId
from domain.invoice_csv import InvoiceLine
from domain.invoice_events import InvoiceFacts, NamedKey
from domain.invoice_matching import CalledGroup, Counted
from domain.invoices import CallsThen
from domain.log import CALLS
from projections.usage import UsageFilter, UsageTotals


def named_keys(
    system: Wired,
    team_id: TeamId,
    vendor: str,
    lines: Iterable[InvoiceLine],
    told: Mapping[str, UUID],
) -> list[NamedKey]:
    """Which of the team's keys the names in the lines are: as is told, else by label.

    A label that two keys of the vendor have is nobody's.
    """
    keys: dict[str, UUID | None] = {}
    for row in system.key_ring.of_team(team_id, after=None, limit=MOST_KEYS):
        if row.vendor == vendor:
            label = row.label.casefold()
            keys[label] = None if label in keys else row.key_id
            keys[str(row.key_id)] = row.key_id
    keys |= {name.casefold(): key_id for name, key_id in told.items()}
    names = {line.key.casefold(): line.key for line in lines if line.key is not None}
    return [
        NamedKey(name=name, provider_key_id=key_id)
        for folded, name in names.items()
        if (key_id := keys.get(folded)) is not None
    ]


def calls_then(system: Wired, team_id: TeamId, facts: InvoiceFacts) -> CallsThen:
    """The vendor's calls in the invoice's time, as they stand where the call log is."""
    position = system.call_log.position(CALLS)
    since, until = facts.time()
    wanted = UsageFilter(
        team_id=team_id,
        since=since,
        until=until,
        vendor=facts.vendor,
        provider_key_id=facts.provider_key_id,
        upto=position,
    )
    groups = tuple(
        CalledGroup(day=day, model=model, provider_key_id=key_id, counted=_counted(totals))
        for (day, model, key_id), totals in system.call_log.by_day(wanted, facts.time_zone)
    )
    return CallsThen(position=position, groups=groups)


def _counted(totals: UsageTotals) -> Counted:
    return Counted(
        calls=totals.calls,
        refused=totals.refused,
        unmetered=totals.unmetered,
        unpriced=totals.unpriced,
        input_tokens=totals.input_tokens,
        output_tokens=totals.output_tokens,
        cost_micro_usd=totals.cost_micro_usd,
    )
