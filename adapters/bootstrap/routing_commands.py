"""Who handles the commands about routing and prices."""

from __future__ import annotations

from functools import partial

from application import model_prices
from application.bus import Bus
from application.event_log import EventLog


def register_routing(bus: Bus, event_log: EventLog) -> None:
    """The bus knows them from now on."""
    bus.register(
        model_prices.SetModelPrice,
        partial(model_prices.set_model_price, event_log=event_log),
    )
    bus.register(
        model_prices.ChangeModelPrice,
        partial(model_prices.change_model_price, event_log=event_log),
    )
    bus.register(
        model_prices.RemoveModelPrice,
        partial(model_prices.remove_model_price, event_log=event_log),
    )
