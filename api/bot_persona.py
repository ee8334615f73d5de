"""`/api/bot/{hostname}/persona` and `/features`: who a bot is, and what it has."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, JsonValue

from api.bot_equipment_shapes import PersonaIn, PersonaOut, persona_shown
from api.bot_reading import TheBots
from api.callers import TheUser
from api.past import ThePast
from api.positions import reached
from api.wired import TheSystem
from application.equipment import SetPersona
from domain.equipment import Persona

router = APIRouter(prefix="/api/bot/{hostname}", tags=["bots"])


class FeaturesOut(BaseModel):
    features: dict[str, JsonValue]


@router.get("/persona")
def persona(
    hostname: str, past: ThePast, bots: TheBots, system: TheSystem, response: Response
) -> PersonaOut:
    """Who the bot is."""
    if past is None:
        reached(response, system.fleet.head())
    bot = bots.state(hostname, past)
    return persona_shown(bot.equipment.persona)


@router.put("/persona")
def set_persona(
    hostname: str, new: PersonaIn, user: TheUser, system: TheSystem, response: Response
) -> PersonaOut:
    """Be somebody else from the next turn on."""
    made = Persona(name=new.name, soul=new.soul, emoji=new.emoji)
    command = SetPersona(team_id=user.team_id, hostname=hostname, persona=made)
    reached(response, system.bus.handle(command, by=user.caller))
    return persona_shown(made)


@router.get("/features")
def features(
    hostname: str, past: ThePast, bots: TheBots, system: TheSystem, response: Response
) -> FeaturesOut:
    """The features that the bot was given."""
    if past is None:
        reached(response, system.fleet.head())
    bot = bots.state(hostname, past)
    shown: dict[str, Any] = json.loads(bot.equipment.features)
    return FeaturesOut(features=shown)
