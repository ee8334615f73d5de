"""Who handles the commands about routing and prices."""

from __future__ import annotations

from functools import partial

from adapters.catalog.loader import load_catalog
from adapters.catalog.routing_catalog import load_routing_catalog
from adapters.known_models import CatalogModels
from adapters.prices import shipped_price_book
from application import model_prices, routing
from application.bus import Bus
from application.event_log import EventLog


def known_to_all() -> routing.Known:
    """What comes with the product; reading it all takes half a second, once a process."""
    catalog = load_routing_catalog()
    models = CatalogModels(load_catalog(), catalog, shipped_price_book())
    return routing.Known(built_in=catalog.shelf, models=models)


def register_routing(bus: Bus, event_log: EventLog) -> None:
    """The bus knows them from now on."""
    known = known_to_all()
    bus.register(
        routing.SetBotRouting,
        partial(routing.set_bot_routing, event_log=event_log, known=known),
    )
    bus.register(
        routing.JudgePolicy,
        partial(routing.judge_policy, event_log=event_log, known=known),
    )
    bus.register(
        routing.AddRoutingEntry,
        partial(routing.add_routing_entry, event_log=event_log, known=known),
    )
    bus.register(
        routing.ChangeRoutingEntry,
        partial(routing.change_routing_entry, event_log=event_log, known=known),
    )
    bus.register(
        routing.RemoveRoutingEntry,
        partial(routing.remove_routing_entry, event_log=event_log),
    )
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
