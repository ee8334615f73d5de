"""Bots with channels and plugins in a log, their secrets in a vault, and an open door."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import httpx2
from starlette.routing import Route

from adapters.catalog.equipment_catalog import load_equipment_catalog
from adapters.door.client import DoorClient
from adapters.door.relay_routes import channel_routes
from adapters.door.serving import open_door
from adapters.event_store import EventMapper
from adapters.memory import MemoryRecorder
from adapters.memory_vault import MemoryVault
from adapters.relays.bots import Bots
from adapters.relays.channel.relay import ChannelRelaying
from adapters.relays.channel.trying import ChannelTrying
from adapters.relays.outbound import Outbound
from application.equipment import channel_ref
from application.event_log import Caller, EventLog, acting
from application.ports import Secret
from domain.bot_events import BotChannelSet, BotCreated, Runtime
from domain.bots import Bot
from domain.door_passes import DoorPass, Purpose, make_door_pass
from domain.equipment import BotChannel
from domain.events import Event
from domain.ids import TeamId
from domain.log import FLEET
from domain.surrogates import read_surrogate, surrogate_of

CHANNELS = load_equipment_catalog().channels
SECRET = b"the instance key of the door, in tests"
TOKEN = "1234567:AAsecret-real_token-of-the-channel"


@dataclass
class Fleet:
    """One team's bots, as the log and the vault have them."""

    log: EventLog = field(
        default_factory=lambda: EventLog(FLEET, MemoryRecorder(), EventMapper())
    )
    vault: MemoryVault = field(default_factory=MemoryVault)
    team_id: TeamId = field(default_factory=lambda: TeamId(uuid4()))

    def bot(self, *events: Event) -> UUID:
        bot_id = uuid4()
        created = BotCreated(
            team_id=self.team_id,
            hostname=f"bot-{bot_id.hex[:8]}",
            name="A bot",
            runtime=Runtime.DOCKER,
            tags=(),
        )
        self.happened(bot_id, created, *events)
        return bot_id

    def happened(self, bot_id: UUID, *events: Event) -> None:
        with acting(Caller("system:test")):
            self.log.append(self.log.look(Bot(), bot_id), events)

    def channel(
        self,
        bot_id: UUID,
        secrets: Mapping[str, str],
        *,
        kind: str = "telegram",
        **changed: object,
    ) -> BotChannel:
        """The bot has that channel, connected, with these secrets."""
        channel = BotChannel(
            id=uuid4(),
            channel_type=kind,
            name=kind,
            secret_fields=tuple(secrets),
            secret_version=1 if secrets else 0,
            connected=True,
            relayed=True,
        )
        channel = replace(channel, **changed)  # type: ignore[arg-type]
        if secrets:
            self.keep(channel, secrets)
        self.happened(bot_id, BotChannelSet(channel=channel))
        return channel

    def keep(self, channel: BotChannel, secrets: Mapping[str, str]) -> None:
        ref = channel_ref(self.team_id, channel)
        self.vault.put(ref, Secret(json.dumps(secrets).encode()))


@dataclass
class ChannelDoor:
    """The channels' side of an open door."""

    fleet: Fleet
    url: str
    client: DoorClient
    http: httpx2.Client

    def pass_for(self, bot_id: UUID, *, team_id: UUID | None = None) -> dict[str, str]:
        names = DoorPass(Purpose.CHANNEL, bot_id, team_id or self.fleet.team_id)
        ends_at = int(time.time()) + 60
        token = make_door_pass(names, ends_at=ends_at, secret=SECRET)
        return {"authorization": f"Bearer {token}"}

    def place(self, bot_id: UUID, channel: BotChannel, path: str) -> str:
        """Where the proxy sends a call of the bot's software."""
        read = read_surrogate(surrogate_of(bot_id, channel, SECRET), SECRET)
        assert read is not None
        kind = channel.channel_type
        return f"{self.url}/channel/{kind}/{read.channel_id}/{read.version}/{path}"


@contextmanager
def channel_door(
    fleet: Fleet, *, allow: tuple[str, ...], origins: Mapping[str, str] | None = None
) -> Iterator[ChannelDoor]:
    """Open until the block ends."""

    @asynccontextmanager
    async def opening() -> AsyncIterator[list[Route]]:
        bots, outbound = Bots(fleet.log), Outbound(egress_allow=allow)
        relaying = ChannelRelaying(bots, fleet.vault, outbound)
        trying = ChannelTrying(bots, fleet.vault, outbound, CHANNELS, origins=origins)
        yield list(channel_routes(relaying, trying, SECRET))
        bots.close()

    with open_door(opening, host="127.0.0.1", port=0) as port:
        url = f"http://127.0.0.1:{port}"
        client = DoorClient(url, SECRET)
        with httpx2.Client(trust_env=False) as http:
            try:
                yield ChannelDoor(fleet, url, client, http)
            finally:
                client.close()
