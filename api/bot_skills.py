"""`/api/bot/{hostname}/skills`: what a bot has been taught."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from uuid_utils.compat import uuid7

from api.bot_equipment_shapes import (
    NewSkill,
    SkillChange,
    SkillInstallOut,
    skill_shown,
)
from api.equipment_shelves import TheShelf
from api.one_bot import TheBot, TheBotOfList, TheOrders
from api.paging import TheCursors
from api.shapes import Page, PastListQuery
from application.equipment import InstallSkill, UninstallSkill
from domain.bot_equipment import installed

router = APIRouter(prefix="/api/bot/{hostname}/skills", tags=["bots"])


@router.get("")
def of_bot(
    bot: TheBotOfList, query: Annotated[PastListQuery, Query()], cursors: TheCursors
) -> Page[SkillInstallOut]:
    """The bot's skills, in the order they were installed."""
    shown = [skill_shown(one) for one in bot.equipment.skills]
    return cursors.whole(shown, query, lambda one: one.id)


@router.get("/{install_id}")
def one(install_id: UUID, bot: TheBot) -> SkillInstallOut:
    """One of them."""
    return skill_shown(installed(bot.equipment.skills, install_id))


@router.post("", status_code=201)
def install(new: NewSkill, orders: TheOrders, shelf: TheShelf) -> SkillInstallOut:
    """Teach the bot an approved version of a skill, the last one if none is named."""
    made = shelf.skill_install(uuid7(), new.skill_id, new.config, version=new.version)
    orders.give(partial(InstallSkill, install=made))
    return skill_shown(made)


@router.put("/{install_id}")
def change(
    install_id: UUID, new: SkillChange, orders: TheOrders, shelf: TheShelf
) -> SkillInstallOut:
    """Configure it anew, and move it to another version."""
    before = installed(orders.bot.equipment.skills, install_id)
    made = shelf.skill_install(install_id, before.skill_id, new.config, version=new.version)
    orders.give(partial(InstallSkill, install=made))
    return skill_shown(made)


@router.delete("/{install_id}", status_code=204)
def remove(install_id: UUID, orders: TheOrders) -> None:
    """Have the bot forget it."""
    orders.give(partial(UninstallSkill, install_id=install_id))
