"""Who handles the commands about notices and webhooks."""

from __future__ import annotations

from functools import partial

from application import notices, webhooks
from application.bus import Bus
from application.event_log import EventLog
from application.ports import Vault


def register_notices(bus: Bus, event_log: EventLog, vault: Vault) -> None:
    """The bus knows what people may ask about notices and webhooks."""
    bus.register(notices.ReadNotices, partial(notices.read_notices, event_log=event_log))
    bus.register(notices.MuteNotices, partial(notices.mute_notices, event_log=event_log))
    for command, handler in (
        (webhooks.EnableWebhook, webhooks.enable_webhook),
        (webhooks.ReplayDelivery, webhooks.replay_delivery),
    ):
        bus.register(command, partial(handler, event_log=event_log))
    for sealing, sealer in (
        (webhooks.AddWebhook, webhooks.add_webhook),
        (webhooks.RemoveWebhook, webhooks.remove_webhook),
    ):
        bus.register(sealing, partial(sealer, event_log=event_log, vault=vault))
