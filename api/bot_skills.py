"""`/api/bot/{hostname}/skills`: what a bot has been taught."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from uuid_utils.compat import uuid7

from api.bot_equipment_shapes import (
    NewSkill,
    SkillChange,
    SkillInstallOut,
    skill_shown,
)
from api.bot_reading import Bots, TheBots
from api.callers import TheUser
from api.equipment_shelves import TheShelf
from api.past import ThePast
from api.positions import reached
from api.shapes import Page
from api.wired import TheSystem
from application.equipment import InstallSkill, UninstallSkill
from domain.bot_equipment import NotInstalled
from domain.equipment import SkillInstall, item_of

router = APIRouter(prefix="/api/bot/{hostname}/skills", tags=["bots"])


@router.get("")
def of_bot(
    hostname: str, past: ThePast, bots: TheBots, system: TheSystem, response: Response
) -> Page[SkillInstallOut]:
    """The bot's skills, in the order they were installed."""
    if past is None:
        reached(response, system.fleet.head())
    bot = bots.state(hostname, past)
    return Page(items=[skill_shown(one) for one in bot.equipment.skills])


@router.get("/{install_id}")
def one(
    hostname: str, install_id: UUID, bots: TheBots, system: TheSystem, response: Response
) -> SkillInstallOut:
    """One of them."""
    reached(response, system.fleet.head())
    return skill_shown(_installed(bots, hostname, install_id))


@router.post("", status_code=201)
def install(  # noqa: PLR0913, PLR0917 - what the framework hands in
    hostname: str,
    new: NewSkill,
    user: TheUser,
    system: TheSystem,
    shelf: TheShelf,
    response: Response,
) -> SkillInstallOut:
    """Teach the bot an approved version of a skill, the last one if none is named."""
    made = shelf.skill_install(uuid7(), new.skill_id, new.config, version=new.version)
    command = InstallSkill(team_id=user.team_id, hostname=hostname, install=made)
    reached(response, system.bus.handle(command, by=user.caller))
    return skill_shown(made)


@router.put("/{install_id}")
def change(  # noqa: PLR0913, PLR0917
    hostname: str,
    install_id: UUID,
    new: SkillChange,
    user: TheUser,
    system: TheSystem,
    bots: TheBots,
    shelf: TheShelf,
    response: Response,
) -> SkillInstallOut:
    """Configure it anew, and move it to another version."""
    before = _installed(bots, hostname, install_id)
    made = shelf.skill_install(install_id, before.skill_id, new.config, version=new.version)
    command = InstallSkill(team_id=user.team_id, hostname=hostname, install=made)
    reached(response, system.bus.handle(command, by=user.caller))
    return skill_shown(made)


@router.delete("/{install_id}", status_code=204)
def remove(
    hostname: str, install_id: UUID, user: TheUser, system: TheSystem, response: Response
) -> None:
    """Have the bot forget it."""
    command = UninstallSkill(team_id=user.team_id, hostname=hostname, install_id=install_id)
    reached(response, system.bus.handle(command, by=user.caller))


def _installed(bots: Bots, hostname: str, install_id: UUID) -> SkillInstall:
    found = item_of(bots.state(hostname).equipment.skills, install_id)
    if found is None:
        raise NotInstalled
    return found
