"""`/api/bot/{hostname}/persona` and `/features`: who a bot is, and what it has."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, JsonValue

from api.bot_equipment_shapes import PersonaIn, PersonaOut, persona_shown
from api.one_bot import TheBot, TheOrders
from application.equipment import SetPersona
from domain.equipment import Persona

router = APIRouter(prefix="/api/bot/{hostname}", tags=["bots"])


class FeaturesOut(BaseModel):
    features: dict[str, JsonValue]


@router.get("/persona")
def persona(bot: TheBot) -> PersonaOut:
    """Who the bot is."""
    return persona_shown(bot.equipment.persona)


@router.put("/persona")
def set_persona(new: PersonaIn, orders: TheOrders) -> PersonaOut:
    """Be somebody else from the next turn on."""
    made = Persona(name=new.name, soul=new.soul, emoji=new.emoji)
    orders.give(partial(SetPersona, persona=made))
    return persona_shown(made)


@router.get("/features")
def features(bot: TheBot) -> FeaturesOut:
    """The features that the bot was given."""
    shown: dict[str, Any] = json.loads(bot.equipment.features)
    return FeaturesOut(features=shown)
