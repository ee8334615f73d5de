"""What passes the door, as JSON: one line for each type, used on both sides."""

from __future__ import annotations

from uuid import UUID

from pydantic import TypeAdapter

from application.engines import ContainerStats, LogLine, Orphan
from application.fleet_watch import ChannelVerdict, EngineStatus, RunFacts
from application.workspace_store import ShownWorkspace

BOT_IDS = TypeAdapter(list[UUID])
DRY_RUN = TypeAdapter(bool)
STATUS = TypeAdapter(EngineStatus)
LINE = TypeAdapter(LogLine)
STATS = TypeAdapter(list[ContainerStats])
ORPHANS = TypeAdapter(list[Orphan])
FACTS = TypeAdapter(RunFacts)
WORKSPACE = TypeAdapter(ShownWorkspace)
VERDICT = TypeAdapter(ChannelVerdict)
