"""`/api/bot/{hostname}/start` and its kin: what the bot's container should do.

The answer is 202: what is wanted is on record, and the worker makes it so.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.bot_reading import TheBots
from api.bot_shapes import BotOut, NewQuarantine
from api.callers import TheUser
from api.positions import ExpectedVersion
from api.wired import TheSystem
from application.bot_lifecycle import (
    BotCommand,
    QuarantineBot,
    ReleaseBot,
    RestartBot,
    StartBot,
    StopBot,
)

router = APIRouter(prefix="/api/bot/{hostname}", tags=["bots"])


@router.post("/start", status_code=202)
def start(  # noqa: PLR0913, PLR0917 - what the framework hands in
    hostname: str,
    user: TheUser,
    system: TheSystem,
    bots: TheBots,
    expected: ExpectedVersion,
    response: Response,
) -> BotOut:
    """Have the bot run; refused for a draft, an external or a quarantined bot."""
    command = StartBot(team_id=user.team_id, hostname=hostname, expected_version=expected)
    return bots.shown(
        hostname, response, position=system.bus.handle(command, by=user.caller)
    )


@router.post("/stop", status_code=202)
def stop(  # noqa: PLR0913, PLR0917
    hostname: str,
    user: TheUser,
    system: TheSystem,
    bots: TheBots,
    expected: ExpectedVersion,
    response: Response,
) -> BotOut:
    """Have the bot stopped; what it remembers is kept."""
    command = StopBot(team_id=user.team_id, hostname=hostname, expected_version=expected)
    return bots.shown(
        hostname, response, position=system.bus.handle(command, by=user.caller)
    )


@router.post("/restart", status_code=202)
def restart(  # noqa: PLR0913, PLR0917
    hostname: str,
    user: TheUser,
    system: TheSystem,
    bots: TheBots,
    expected: ExpectedVersion,
    response: Response,
) -> BotOut:
    """Have the bot run in a new container; what it remembers is kept."""
    command = RestartBot(team_id=user.team_id, hostname=hostname, expected_version=expected)
    return bots.shown(
        hostname, response, position=system.bus.handle(command, by=user.caller)
    )


@router.post("/quarantine", status_code=202)
def quarantine(  # noqa: PLR0913, PLR0917
    hostname: str,
    user: TheUser,
    system: TheSystem,
    bots: TheBots,
    response: Response,
    wanted: NewQuarantine | None = None,
) -> BotOut:
    """Cut the bot's tokens and its network, at once and together."""
    command: BotCommand = QuarantineBot(
        team_id=user.team_id,
        hostname=hostname,
        reason=(wanted or NewQuarantine()).reason,
    )
    return bots.shown(
        hostname, response, position=system.bus.handle(command, by=user.caller)
    )


@router.post("/release", status_code=202)
def release(
    hostname: str, user: TheUser, system: TheSystem, bots: TheBots, response: Response
) -> BotOut:
    """Give a quarantined bot its tokens and its network back."""
    command = ReleaseBot(team_id=user.team_id, hostname=hostname)
    return bots.shown(
        hostname, response, position=system.bus.handle(command, by=user.caller)
    )
