"""A write side in memory: for tests of commands and of the log."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from adapters.bootstrap.commands import bus_of
from adapters.event_store import EventMapper
from adapters.memory import MemoryRecorder, no_unit_of_work
from adapters.memory_vault import MemoryPeople, MemoryVault
from application.bots import CreateBot
from application.bus import Bus
from application.event_log import Caller, EventLog
from application.keys import AddProviderKey
from application.ports import Secret
from domain.bot_events import ProviderLink
from domain.ids import BotId, ProviderKeyId, TeamId
from domain.log import FLEET

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEAM = TeamId(uuid4())
ALICE = Caller("user:alice", team_id=TEAM, correlation_id="request-1")


@dataclass
class Fleet:
    """The fleet log with a bus in front of it, and a vault behind."""

    log: EventLog = field(
        default_factory=lambda: EventLog(FLEET, MemoryRecorder(), EventMapper())
    )
    vault: MemoryVault = field(default_factory=MemoryVault)
    people: MemoryPeople = field(default_factory=MemoryPeople)

    @property
    def bus(self) -> Bus:
        return bus_of(
            self.log, unit_of_work=no_unit_of_work, vault=self.vault, people=self.people
        )

    def add_key(self, team: TeamId = TEAM, secret: bytes = b"sk-0123456789abcdef") -> UUID:
        key_id = ProviderKeyId(uuid4())
        command = AddProviderKey(
            key_id=key_id,
            team_id=team,
            vendor="openai",
            label="main",
            secret=Secret(secret),
            base_url=None,
            origin="https://api.openai.com:443",
            tags=(),
            models=(),
            allow_paths="inference",
        )
        self.bus.handle(command, by=ALICE)
        return key_id

    def create_bot(self, hostname: str = "ada", *links: ProviderLink) -> UUID:
        bot_id = BotId(uuid4())
        command = CreateBot(
            bot_id=bot_id,
            team_id=TEAM,
            hostname=hostname,
            name=hostname.title(),
            tags=(),
            links=links,
            token_hash=hashlib.sha256(hostname.encode()).hexdigest(),
            now=NOW,
        )
        self.bus.handle(command, by=ALICE)
        return bot_id


def link_to(key_id: UUID) -> ProviderLink:
    return ProviderLink(
        link_id=uuid4(),
        provider_key_id=key_id,
        vendor=None,
        tag=None,
        models=("*",),
        primary_model=None,
    )
