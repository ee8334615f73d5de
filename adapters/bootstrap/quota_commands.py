"""Who handles the commands about quotas."""

from __future__ import annotations

from functools import partial

from application import quotas
from application.bus import Bus
from application.event_log import EventLog


def register_quotas(bus: Bus, event_log: EventLog, *, table: quotas.QuotaTable) -> None:
    """The bus knows what people may ask of quotas."""
    for command, handler in (
        (quotas.SetQuota, quotas.set_quota),
        (quotas.EditQuota, quotas.edit_quota),
        (quotas.RemoveQuota, quotas.remove_quota),
    ):
        bus.register(command, partial(handler, event_log=event_log, table=table))


def register_notes(bus: Bus, event_log: EventLog) -> None:
    """The bus knows what policies note of quotas."""
    note = partial(quotas.note_quota_use, event_log=event_log)
    bus.register(quotas.NoteQuotaUse, note)
