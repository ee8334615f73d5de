"""Which bot asks, as its stream says at this moment, and its secrets."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from application.event_log import EventLog
from application.ports import OpenVault, SecretRef
from domain.bots import Bot
from domain.door_passes import DoorPass
from domain.errors import Forbidden, NotFound, Unavailable

THREADS = 4


class BotMayNot(Forbidden):
    """The bot is quarantined: nothing is relayed for it."""

    code = "bot-is-quarantined"


class Bots:
    """Reads bots from the fleet log; in the door's loop, in threads of its own."""

    def __init__(self, fleet: EventLog) -> None:
        self._fleet = fleet
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="relay-bots")

    def close(self) -> None:
        """No bot is read any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def get(self, bot_id: UUID) -> Bot:
        """The bot as it is; `NotFound` if there is none, or it was deleted."""
        loop = asyncio.get_running_loop()
        read = self._fleet.read
        stream = await loop.run_in_executor(self._threads, read, Bot(), bot_id)
        if stream.state.deleted or stream.state.team_id is None:
            raise NotFound
        return stream.state

    async def served(self, names: DoorPass) -> Bot:
        """The bot that a pass names; `NotFound`, or `BotMayNot`."""
        bot = await self.get(names.bot_id)
        if bot.team_id != names.team_id:
            raise NotFound
        if bot.quarantined:
            raise BotMayNot
        return bot


async def opened(vault: OpenVault, ref: SecretRef) -> dict[str, str]:
    """The secret fields; none, if none were ever stored. `Unavailable`."""
    if ref.version == 0:
        return {}
    secret = await vault.open(ref)
    try:
        fields = json.loads(secret.reveal())
    except ValueError as error:
        msg = "the secret is not what it should be"
        raise Unavailable(msg) from error
    finally:
        secret.wipe()
    return {str(name): text_of(value) for name, value in fields.items()}


def text_of(value: object) -> str:
    """A field's value as it stands in a header, a path or a variable."""
    return value if isinstance(value, str) else json.dumps(value)
