"""`/api/bot/{hostname}/start` and its kin: what the bot's container should do.

The answer is 202: what is wanted is on record, and the worker makes it so.
"""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter

from api.bot_shapes import BotOut, NewQuarantine
from api.one_bot import TheOrders
from application.bot_lifecycle import (
    QuarantineBot,
    ReleaseBot,
    RestartBot,
    StartBot,
    StopBot,
)

router = APIRouter(prefix="/api/bot/{hostname}", tags=["bots"])


@router.post("/start", status_code=202)
def start(orders: TheOrders) -> BotOut:
    """Have the bot run; refused for a draft, an external or a quarantined bot."""
    return orders.carry_out(StartBot)


@router.post("/stop", status_code=202)
def stop(orders: TheOrders) -> BotOut:
    """Have the bot stopped; what it remembers is kept."""
    return orders.carry_out(StopBot)


@router.post("/restart", status_code=202)
def restart(orders: TheOrders) -> BotOut:
    """Have the bot run in a new container; what it remembers is kept."""
    return orders.carry_out(RestartBot)


@router.post("/quarantine", status_code=202)
def quarantine(orders: TheOrders, wanted: NewQuarantine | None = None) -> BotOut:
    """Cut the bot's tokens and its network, at once and together."""
    reason = (wanted or NewQuarantine()).reason
    return orders.carry_out(partial(QuarantineBot, reason=reason))


@router.post("/release", status_code=202)
def release(orders: TheOrders) -> BotOut:
    """Give a quarantined bot its tokens and its network back."""
    return orders.carry_out(ReleaseBot)
