"""`/api/routing/model-prices`: what models cost, built in and by the team's own word."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from api.callers import TheUser
from api.lists_then import PricesThen, prices_then
from api.model_price_shapes import (
    ModelPriceOut,
    NewModelPrice,
    NewRates,
    PricesQuery,
    built_in_id,
    built_in_shown,
    own_shown,
)
from api.paging import TheCursors
from api.past import Past, ThePast, history_then
from api.positions import (
    FLEET_ONLY,
    ExpectedVersion,
    reached,
    read_after,
    read_at,
    tag_version,
)
from api.refusals import BuiltInIsReadOnly
from api.shapes import Page
from api.vendors import vendor_of
from api.wired import TheSystem, Wired
from application.model_prices import ChangeModelPrice, RemoveModelPrice, SetModelPrice
from application.ports import ListedPrice
from domain.errors import NotFound
from domain.ids import ModelPriceId, TeamId
from domain.log import FLEET
from domain.model_prices import model_price_id
from projections.model_prices import ModelPriceRow, ModelPricesProjector
from projections.view import row_of

router = APIRouter(prefix="/api/routing/model-prices", tags=["routing"])

AFTER = Depends(read_after(lambda system: system.model_prices, FLEET))

Place = tuple[str, str, str]


@router.get("", dependencies=[AFTER])
def all_prices(  # noqa: PLR0913, PLR0917 - what the framework hands in
    query: Annotated[PricesQuery, Query()],
    user: TheUser,
    system: TheSystem,
    then: PricesThen,
    cursors: TheCursors,
    response: Response,
) -> Page[ModelPriceOut]:
    """The team's own prices and the built-in ones, by vendor and model.

    `at` a time or a position, as they were.
    """
    view = system.model_prices
    if then is None:
        now = datetime.now(UTC)
        rows = read_at(response, view, FLEET_ONLY, lambda: view.of_team(user.team_id))
    else:
        now, rows = then.time, prices_then(system, user.team_id, then)
    own = {(row.vendor, row.model.lower()) for row in rows}
    found = [] if query.source == "built-in" else [own_shown(row) for row in rows]
    if query.source != "team":
        found += [
            built_in_shown(one, overridden=(one.vendor, one.model.lower()) in own)
            for one in system.price_list.all(now)
        ]
    matching = (
        one
        for one in found
        if query.vendor in {None, one.vendor} and query.model in {None, one.model}
    )
    after = cursors.read(query.cursor, _read_place) if query.cursor else ("", "", "")
    rest = sorted((one for one in matching if _place(one) > after), key=_place)
    items, cursor = cursors.page(rest[: query.limit + 1], query.limit, _place)
    return Page(items=items, next_cursor=cursor)


@router.post("", status_code=201)
def set_price(
    new: NewModelPrice, user: TheUser, system: TheSystem, response: Response
) -> ModelPriceOut:
    """Give a model a price of the team's own; calls are charged by it from then on."""
    vendor = vendor_of(system.catalog, new.vendor)
    command = SetModelPrice(
        team_id=user.team_id, vendor=vendor.id, model=new.model, rates=new.rates()
    )
    position = system.bus.handle(command, by=user.caller)
    price_id = model_price_id(user.team_id, vendor.id, new.model)
    return _shown(system, user.team_id, price_id, response, position)


@router.get("/{price_id}")
def one_price(
    price_id: UUID,
    past: ThePast,
    user: TheUser,
    system: TheSystem,
    response: Response,
) -> ModelPriceOut:
    """One price, as it stands or as it stood `at` a time or a position."""
    listed = _built_in(system, price_id)
    if listed is not None:
        own_id = model_price_id(user.team_id, listed.vendor, listed.model)
        own = _row(system, user.team_id, own_id, past)
        return built_in_shown(listed, overridden=own is not None)
    if past is None:
        return _shown(system, user.team_id, price_id, response, system.fleet.head())
    row = _row(system, user.team_id, price_id, past)
    if row is None:
        raise NotFound
    tag_version(response, row.version)
    return own_shown(row)


@router.put("/{price_id}")
def change_price(  # noqa: PLR0913, PLR0917 - what the framework hands in
    price_id: UUID,
    new: NewRates,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> ModelPriceOut:
    """Charge otherwise from now on; past calls stay as they are until they are repriced."""
    _refuse_built_in(system, price_id)
    command = ChangeModelPrice(
        price_id=ModelPriceId(price_id),
        team_id=user.team_id,
        rates=new.rates(),
        expected_version=expected,
    )
    position = system.bus.handle(command, by=user.caller)
    return _shown(system, user.team_id, price_id, response, position)


@router.delete("/{price_id}", status_code=204)
def remove_price(
    price_id: UUID,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> None:
    """Let the built-in price hold again, if there is one."""
    _refuse_built_in(system, price_id)
    command = RemoveModelPrice(
        price_id=ModelPriceId(price_id), team_id=user.team_id, expected_version=expected
    )
    reached(response, system.bus.handle(command, by=user.caller))


def _place(price: ModelPriceOut) -> Place:
    return price.vendor, price.model, price.source


def _read_place(vendor: str, model: str, source: str) -> Place:
    return vendor, model, source


def _built_in(system: Wired, price_id: UUID) -> ListedPrice | None:
    listed = system.price_list.all(datetime.now(UTC))
    return next((one for one in listed if built_in_id(one) == price_id), None)


def _refuse_built_in(system: Wired, price_id: UUID) -> None:
    if _built_in(system, price_id) is not None:
        raise BuiltInIsReadOnly


def _row(
    system: Wired, team_id: TeamId, price_id: UUID, past: Past | None = None
) -> ModelPriceRow | None:
    """Folded from its stream, so that it is never behind; another team's is not there."""
    row = row_of(ModelPricesProjector(), FLEET, history_then(system.fleet, price_id, past))
    return row if row is not None and row.team_id == team_id else None


def _shown(
    system: Wired, team_id: TeamId, price_id: UUID, response: Response, position: int
) -> ModelPriceOut:
    row = _row(system, team_id, price_id)
    if row is None:
        raise NotFound
    reached(response, position)
    tag_version(response, row.version)
    return own_shown(row)
