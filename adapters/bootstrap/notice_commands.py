"""Who handles the commands about notices and webhooks."""

from __future__ import annotations

from functools import partial

from application import notices
from application.bus import Bus
from application.event_log import EventLog


def register_notices(bus: Bus, event_log: EventLog) -> None:
    """The bus knows what people may ask about notices."""
    bus.register(notices.ReadNotices, partial(notices.read_notices, event_log=event_log))
    bus.register(notices.MuteNotices, partial(notices.mute_notices, event_log=event_log))
