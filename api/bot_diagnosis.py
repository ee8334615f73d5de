"""`POST /api/bot/{hostname}/diagnose`: whether everything is there that a bot needs."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from api.bot_reading import TheBots
from api.callers import TheUser
from api.diagnosis import Check, CheckStatus, checks, linked_keys
from api.diagnosis_texts import ADVICE, TEXTS
from api.locales import Languages, TheLanguages
from api.wired import TheSystem, Wired
from application.fleet_watch import ChannelVerdict, RunFacts
from domain.bots import Bot
from domain.errors import NotFound, Unavailable
from domain.ids import TeamId
from projections.key_ring import KeyRow

router = APIRouter(prefix="/api/bot/{hostname}", tags=["bots"])

MOST_KEYS = 1000
_SEVERITY = [CheckStatus.OK, CheckStatus.WARNING, CheckStatus.FAILED]


class CheckOut(BaseModel):
    name: str
    status: CheckStatus
    code: str
    message: str
    latency_ms: int | None


class DiagnosisOut(BaseModel):
    """`overall` is the worst of the checks that were made."""

    overall: CheckStatus
    checks: list[CheckOut]
    recommendations: list[str]


@router.post("/diagnose")
def diagnose(
    hostname: str,
    user: TheUser,
    bots: TheBots,
    system: TheSystem,
    languages: TheLanguages,
) -> DiagnosisOut:
    """Look at everything now, credentials of channels included."""
    row, bot, bot_id = bots.row(hostname), bots.state(hostname), bots.id_of(hostname)
    found = checks(
        row,
        linked_keys(row.links, _keys(system, user.team_id)),
        _facts(system, bot_id),
        [(name, _tried(system, bot_id, one)) for name, one in _channels(bot)],
        datetime.now(UTC),
    )
    advice = [languages.of(ADVICE[one.code]) for one in found if one.code in ADVICE]
    looked = [one.status for one in found if one.status is not CheckStatus.SKIPPED]
    return DiagnosisOut(
        overall=max(looked, key=_SEVERITY.index, default=CheckStatus.OK),
        checks=[_shown(one, languages) for one in found],
        recommendations=list(dict.fromkeys(advice)),
    )


def _shown(check: Check, languages: Languages) -> CheckOut:
    return CheckOut(
        name=check.name,
        status=check.status,
        code=check.code,
        message=languages.of(TEXTS[check.code]).replace("{}", check.about),
        latency_ms=check.latency_ms,
    )


def _keys(system: Wired, team_id: TeamId) -> list[KeyRow]:
    return system.key_ring.of_team(team_id, after=None, limit=MOST_KEYS)


def _channels(bot: Bot) -> list[tuple[str, UUID]]:
    return [
        (f"{one.channel_type}/{one.name}", one.id)
        for one in bot.equipment.channels
        if one.secret_version > 0
    ]


def _facts(system: Wired, bot_id: UUID) -> RunFacts | None:
    with suppress(Unavailable):
        return system.fleet_watch.facts(bot_id)
    return None  # no worker: that is said by the checks that need one


def _tried(system: Wired, bot_id: UUID, channel_id: UUID) -> ChannelVerdict | None:
    with suppress(Unavailable, NotFound):
        return system.fleet_watch.test_channel(bot_id, channel_id)
    return None
