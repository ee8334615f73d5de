"""The engine's events, as the bots that they are about."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from adapters.docker.connection import Connection
from adapters.docker.naming import bot_of
from adapters.docker.streams import Reading, Stream, entries
from application.engines import EngineUnavailable

# What changes a bot's state; without `exec_*`, which every health check brings about.
EVENTS = ["create", "start", "die", "oom", "destroy", "health_status"]


def bots_changed(
    connection: Connection, filters: Mapping[str, Sequence[str]]
) -> Reading[UUID]:
    """The bot of each change from now on; `EngineUnavailable` when the engine goes away."""
    wanted = {**filters, "type": ["container"], "event": EVENTS}
    stream = connection.stream("/events", {"filters": json.dumps(wanted)}, waits=True)
    return Reading(stream, _bots_of(connection, stream))


def _bots_of(connection: Connection, stream: Stream) -> Iterator[UUID]:
    for event in entries(connection.pieces(stream)):
        bot_id = bot_of(event["Actor"]["Attributes"])
        if bot_id is not None:
            yield bot_id
    if not stream.is_closed:
        raise EngineUnavailable
