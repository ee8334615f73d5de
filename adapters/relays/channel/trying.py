"""Tries a channel's stored credentials where they belong."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from adapters.relays.bots import Bots, opened, text_of
from adapters.relays.channel.probes import Malformed, Missing, Trial, is_good, trial_of
from adapters.relays.outbound import Ask, Outbound, TooSlow, Unreachable, read
from application.equipment import channel_ref
from application.fleet_watch import ChannelVerdict
from application.ports import OpenVault
from domain.equipment import item_of
from domain.equipment_catalog import ChannelType, Probe
from domain.errors import NotFound

SECONDS = 10.0
LARGEST = 256 * 1024

_NOTHING = ChannelVerdict(
    ok=True, code="nothing-to-test", message="The channel has no account elsewhere."
)
_MESSAGES = {
    "ok": "The channel accepts the credentials.",
    "credential-refused": "The channel refuses the credentials.",
    "rate-limited": "The channel asks to be tried again later.",
    "upstream-unreachable": "The channel could not be reached.",
    "upstream-timeout": "The channel did not answer in time.",
    "upstream-failed": "The channel answers with an error of its own.",
}


class ChannelTrying:
    """Asks each channel's cheapest question; lives in the door's loop."""

    def __init__(
        self,
        bots: Bots,
        vault: OpenVault,
        outbound: Outbound,
        channel_types: Mapping[str, ChannelType],
        *,
        origins: Mapping[str, str] | None = None,
    ) -> None:
        """`origins` are asked in the place of the channels' own, by type."""
        self._bots = bots
        self._vault = vault
        self._outbound = outbound
        self._types = channel_types
        self._origins = origins or {}

    async def test(self, bot_id: UUID, channel_id: UUID) -> ChannelVerdict:
        """What the channel says of its credentials; `NotFound`, or `Unavailable`."""
        bot = await self._bots.get(bot_id)
        channel = item_of(bot.equipment.channels, channel_id)
        if channel is None or bot.team_id is None:
            raise NotFound
        kind = self._types.get(channel.channel_type)
        if kind is None or kind.probe is None:
            return _NOTHING
        secrets = await opened(self._vault, channel_ref(bot.team_id, channel))
        fields = _texts(channel.credentials) | secrets
        try:
            trial = trial_of(kind.probe, fields, _texts(channel.config))
        except Malformed as wrong:
            said = f"{wrong.field} does not look like one."
            return ChannelVerdict(ok=False, code="malformed-credential", message=said)
        except Missing as wrong:
            said = f"The channel lacks {wrong.field}."
            return ChannelVerdict(ok=False, code="missing-credential", message=said)
        origin = self._origins.get(channel.channel_type, trial.origin)
        return await self._tried(kind.probe, trial, origin)

    async def _tried(self, probe: Probe, trial: Trial, origin: str) -> ChannelVerdict:
        began = time.monotonic()
        ask = Ask(
            origin=self._outbound.allowed(origin),
            method=trial.method,
            target=trial.target,
            headers=trial.headers,
            body=trial.body,
        )
        try:
            async with self._outbound.answer(ask, seconds=SECONDS) as answer:
                body = await read(answer, LARGEST, seconds=SECONDS)
                code = _code(probe, answer.status_code, _said(body))
        except (Unreachable, TooSlow) as error:
            code = error.code
        took = int((time.monotonic() - began) * 1000)
        message = _MESSAGES[code]
        return ChannelVerdict(ok=code == "ok", code=code, message=message, latency_ms=took)


def _code(probe: Probe, status: int, said: Mapping[str, Any]) -> str:
    if status < HTTPStatus.MULTIPLE_CHOICES and is_good(probe, status, said):
        return "ok"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate-limited"
    if (
        status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    ):
        return "upstream-failed"
    return "credential-refused"


def _said(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _texts(fields: str) -> dict[str, str]:
    return {name: text_of(value) for name, value in json.loads(fields).items()}
