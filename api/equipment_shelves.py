"""What the caller's team may equip its bots with, for routes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from api.callers import TheUser
from api.wired import TheSystem
from application.equipment_shelf import EquipmentShelf


def _shelf(user: TheUser, system: TheSystem) -> EquipmentShelf:
    return EquipmentShelf(system.fleet, system.equipment_catalog, user.team_id)


TheShelf = Annotated[EquipmentShelf, Depends(_shelf)]
