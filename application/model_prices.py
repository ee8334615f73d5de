"""Commands about a team's own model prices, each with its handler below it.

Handlers answer the position reached. Another team's price is not there.
"""

from __future__ import annotations

from dataclasses import dataclass

from application.bus import Command
from application.event_log import EventLog, Stream
from domain.errors import NotFound, PreconditionFailed
from domain.ids import ModelPriceId, TeamId
from domain.model_prices import ModelPrice, Rates, model_price_id


@dataclass(frozen=True, kw_only=True)
class SetModelPrice(Command[int]):
    """`vendor` is an id of the catalog."""

    team_id: TeamId
    vendor: str
    model: str
    rates: Rates


def set_model_price(command: SetModelPrice, *, event_log: EventLog) -> int:
    price_id = model_price_id(command.team_id, command.vendor, command.model)
    price = event_log.look(ModelPrice(), price_id)
    events = price.state.set(
        team_id=command.team_id,
        vendor=command.vendor,
        model=command.model,
        rates=command.rates,
    )
    return event_log.append(price, events)


@dataclass(frozen=True, kw_only=True)
class ChangeModelPrice(Command[int]):
    price_id: ModelPriceId
    team_id: TeamId
    rates: Rates
    expected_version: int | None


def change_model_price(command: ChangeModelPrice, *, event_log: EventLog) -> int:
    price = _own(event_log, command.team_id, command.price_id, command.expected_version)
    return event_log.append(price, price.state.change(command.rates))


@dataclass(frozen=True, kw_only=True)
class RemoveModelPrice(Command[int]):
    price_id: ModelPriceId
    team_id: TeamId
    expected_version: int | None


def remove_model_price(command: RemoveModelPrice, *, event_log: EventLog) -> int:
    price = _own(event_log, command.team_id, command.price_id, command.expected_version)
    return event_log.append(price, price.state.remove())


def _own(
    event_log: EventLog, team_id: TeamId, price_id: ModelPriceId, version: int | None
) -> Stream[ModelPrice]:
    """The team's price as it stands; refused if there is none, or it moved on."""
    price = event_log.look(ModelPrice(), price_id)
    if price.state.team_id != team_id or price.state.rates is None:
        raise NotFound
    if version is not None and version != price.version:
        raise PreconditionFailed
    return price
