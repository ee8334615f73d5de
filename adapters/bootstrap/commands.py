"""Who handles each command."""

from __future__ import annotations

from functools import partial

from adapters.bootstrap.catalog_commands import register_catalogs
from adapters.bootstrap.fleet_commands import register_equipment, register_lifecycle
from adapters.bootstrap.invoice_commands import register_invoices
from adapters.bootstrap.notice_commands import register_notices
from adapters.bootstrap.people_commands import register_people
from adapters.bootstrap.routing_commands import register_routing
from application import analytics_logins, bots, calls_months, keys, sign_in
from application.bus import Bus
from application.event_log import EventLog
from application.ports import People, UnitOfWork, Vault


def bus_of(
    event_log: EventLog, *, unit_of_work: UnitOfWork, vault: Vault, people: People
) -> Bus:
    """A bus that knows every command."""
    bus = Bus(unit_of_work)
    create = partial(bots.create_bot, event_log=event_log, vault=vault)
    bus.register(bots.CreateBot, create)
    bus.register(bots.LinkProvider, partial(bots.link_provider, event_log=event_log))
    bus.register(bots.UnlinkProvider, partial(bots.unlink_provider, event_log=event_log))
    bus.register(bots.IssueBotToken, partial(bots.issue_bot_token, event_log=event_log))
    register_lifecycle(bus, event_log, vault)
    register_equipment(bus, event_log, vault)
    bus.register(
        keys.AddProviderKey,
        partial(keys.add_provider_key, event_log=event_log, vault=vault),
    )
    bus.register(keys.EditProviderKey, partial(keys.edit_provider_key, event_log=event_log))
    bus.register(
        keys.RotateProviderKey,
        partial(keys.rotate_provider_key, event_log=event_log, vault=vault),
    )
    bus.register(
        keys.RemoveProviderKey,
        partial(keys.remove_provider_key, event_log=event_log, vault=vault),
    )
    bus.register(
        keys.CheckProviderKey, partial(keys.check_provider_key, event_log=event_log)
    )
    bus.register(keys.RecordKeyCheck, partial(keys.record_key_check, event_log=event_log))
    bus.register(
        sign_in.Register, partial(sign_in.register, event_log=event_log, people=people)
    )
    bus.register(sign_in.StartSession, partial(sign_in.start_session, event_log=event_log))
    bus.register(
        sign_in.RefreshSession, partial(sign_in.refresh_session, event_log=event_log)
    )
    bus.register(sign_in.EndSession, partial(sign_in.end_session, event_log=event_log))
    for command, handler in (
        (calls_months.DetachCallsMonth, calls_months.detach_calls_month),
        (calls_months.AttachCallsMonth, calls_months.attach_calls_month),
        (
            analytics_logins.TellOfAnalyticsLogin,
            analytics_logins.tell_of_analytics_login,
        ),
    ):
        bus.register(command, partial(handler, event_log=event_log))
    register_routing(bus, event_log)
    register_people(bus, event_log, people)
    register_catalogs(bus, event_log)
    register_invoices(bus, event_log)
    register_notices(bus, event_log, vault)
    return bus
