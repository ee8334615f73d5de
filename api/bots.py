"""`/api/bot`: the team's bots, by hostname."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from uuid_utils.compat import uuid7

from api.bot_containers import allowed, runtime_of, sized, wish_of
from api.bot_equipping import equipment_of, features_of, persona_of
from api.bot_reading import TheBots
from api.bot_shapes import (
    BotChange,
    BotOut,
    CreatedBot,
    NewBot,
    bot_shown,
    link_of,
)
from api.callers import TheUser
from api.equipment_shelves import TheShelf
from api.lists_then import BotsThen, bots_then
from api.locales import TheLanguages
from api.one_bot import TheOrders
from api.paging import TheCursors
from api.past import ThePast
from api.positions import (
    FLEET_ONLY,
    read_after,
    read_at,
    tag_version,
)
from api.shapes import Page, PastListQuery, unique
from api.tokens import new_bot_token, token_hash
from api.wired import TheSystem
from application.bot_editing import EditBot
from application.bot_lifecycle import DeleteBot
from application.bots import ContainerWish, CreateBot
from application.runtimes import ContainerDefaults
from domain.bot_events import Runtime
from domain.containers import NetworkPolicy
from domain.ids import BotId
from domain.log import FLEET
from projections.bot_directory import BotRow

router = APIRouter(prefix="/api/bot", tags=["bots"])

AFTER = Depends(read_after(lambda system: system.bot_directory, FLEET))


@router.get("", dependencies=[AFTER])
def of_team(  # noqa: PLR0913, PLR0917 - what the framework hands in
    query: Annotated[PastListQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    then: BotsThen,
    response: Response,
) -> Page[BotOut]:
    """The team's bots, by hostname; `at` a time or a position, as they were."""
    after = cursors.read(query.cursor, str) if query.cursor else ""
    view, limit = system.bot_directory, query.limit + 1
    if then is None:
        rows = read_at(
            response,
            view,
            FLEET_ONLY,
            lambda: view.of_team(user.team_id, after=after, limit=limit),
        )
    else:
        listed = bots_then(system, user.team_id, then)
        rows = [row for row in listed if row.hostname > after][:limit]
    shown, cursor = cursors.page(rows, query.limit, lambda row: [row.hostname])
    return Page(
        items=[bot_shown(row, system.proxy_base_url) for row in shown], next_cursor=cursor
    )


@router.post("", status_code=201)
def create(  # noqa: PLR0913, PLR0917 - what the framework hands in
    new: NewBot,
    user: TheUser,
    system: TheSystem,
    bots: TheBots,
    shelf: TheShelf,
    languages: TheLanguages,
    response: Response,
) -> CreatedBot:
    """A new bot with all that belongs to it, and its first token; all of it, or nothing."""
    equipped = equipment_of(new, shelf, user.team_id, languages)
    runtime = runtime_of(new, system.runtimes)
    external = runtime is Runtime.EXTERNAL
    token = new_bot_token()
    position = system.bus.handle(
        CreateBot(
            bot_id=BotId(uuid7()),
            team_id=user.team_id,
            hostname=new.hostname,
            name=new.name,
            tags=unique(new.tags),
            links=tuple(link_of(one, system.catalog, uuid7()) for one in new.providers),
            token_hash=token_hash(system.instance_keys.get("token"), token),
            now=datetime.now(UTC),
            runtime=runtime,
            container=None if external else wish_of(new, system.container_defaults),
            equipment=equipped.equipment,
            secrets=equipped.secrets,
            owner_id=user.user_id,
        ),
        by=user.caller,
    )
    bot = bots.shown(new.hostname, response, position=position)
    return CreatedBot(bot=bot, bot_token=token)


@router.get("/{hostname}")
def one(
    hostname: str,
    past: ThePast,
    bots: TheBots,
    system: TheSystem,
    response: Response,
) -> BotOut:
    """The bot as it stands, or as it stood `at` a time or a position."""
    if past is None:
        return bots.shown(hostname, response)
    row = bots.row(hostname, past)
    tag_version(response, row.version)
    return bot_shown(row, system.proxy_base_url)


@router.patch("/{hostname}")
def edit(  # noqa: PLR0913, PLR0917 - what the framework hands in
    hostname: str,
    change: BotChange,
    orders: TheOrders,
    system: TheSystem,
    bots: TheBots,
    shelf: TheShelf,
    languages: TheLanguages,
) -> BotOut:
    """Change what the bot is called, who it is, or what its container is made from."""
    container = None
    if change.is_of_container:
        container = _changed(change, bots.row(hostname), system.container_defaults)
    order = partial(
        EditBot,
        name=change.name,
        tags=None if change.tags is None else unique(change.tags),
        container=container,
        persona=persona_of(change.persona, change.persona_template_id, shelf, languages),
        features=None if change.features is None else features_of(change.features),
    )
    return orders.carry_out(order)


@router.delete("/{hostname}", status_code=204)  # noqa: FAST003 - the orders take it
def delete(orders: TheOrders) -> None:
    """End the bot: its tokens stop working, its hostname is free."""
    orders.give(DeleteBot)


def _changed(change: BotChange, row: BotRow, defaults: ContainerDefaults) -> ContainerWish:
    """What the container is made from after the change."""
    publish = row.port is not None if change.publish_port is None else change.publish_port
    return ContainerWish(
        image=row.image if change.image is None else allowed(change.image, defaults),
        resources=sized(change.resources, row.resources),
        network=NetworkPolicy(change.network or row.network),
        publish_from=defaults.port_start if publish else None,
    )
