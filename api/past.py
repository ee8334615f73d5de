"""`?at=`: a time, or a position of a log, at which something is to be shown as it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import TypeAdapter, ValidationError

from api.callers import TheUser
from api.shapes import Moment, PastListQuery, PastQuery
from api.waiting import parse_positions
from api.wired import TheSystem, Wired
from application.event_log import EventLog
from domain.errors import InvalidFields
from domain.events import Event, Recorded
from domain.log import CALLS, FLEET

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
LOOK_BACK = 100  # positions, twice as many each time: they have gaps

_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


@dataclass(frozen=True, kw_only=True)
class Past:
    """A time that is over; with the positions it was asked for by, if it was."""

    time: datetime
    positions: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def of(self, log: str) -> int | None:
        """The log's position then; None: by the time."""
        return self.positions.get(log)


def history_then(
    log: EventLog, stream_id: UUID, past: Past | None
) -> list[Recorded[Event]]:
    """A stream as it stands, or as it stood then.

    A position tells it exactly; the clocks of processes differ, so a time may not.
    """
    if past is None:
        return log.history(stream_id)
    position = past.of(log.name)
    if position is None:
        return log.history(stream_id, at=past.time)
    return log.history(stream_id, upto=position)


def past_of(system: Wired, text: str, now: datetime, *, field: str = "at") -> Past:
    """What the text stands for; `InvalidFields` if for nothing, or for what is to come.

    The time of a position is when its event was recorded; of two logs, the later one.
    """
    if "=" not in text:
        try:
            time = _MOMENT.validate_python(text)
        except ValidationError as error:
            raise InvalidFields(**{field: "time"}) from error
        if time > now:
            raise InvalidFields(**{field: "in-the-future"})
        return Past(time=max(time, BEGINNING))
    positions = parse_positions(text, field=field)
    logs = {FLEET: system.fleet, CALLS: system.calls}
    for name, position in positions.items():
        if position > logs[name].head():
            raise InvalidFields(**{field: "not-reached"})
    times = [_time_of(logs[name], position) for name, position in positions.items()]
    return Past(time=max(times), positions=positions)


def _time_of(log: EventLog, position: int) -> datetime:
    """When the last event was recorded that has that position or one before."""
    back = LOOK_BACK
    while True:
        after = max(0, position - back)
        page = log.page(after=after, limit=back, upto=position)
        if page.events:
            return page.events[-1].recorded.at
        if after == 0:
            return BEGINNING
        back *= 2


def past_asked(
    system: Wired, at: str | None, response: Response, *, field: str = "at"
) -> Past | None:
    """When something is asked for; None: as it is now.

    A past answer tells the positions it was asked for by; by a time, the logs' heads.
    """
    if at is None:
        return None
    heads = {FLEET: system.fleet.head(), CALLS: system.calls.head()}
    past = past_of(system, at, datetime.now(UTC), field=field)
    response.headers["X-Log-Position"] = ",".join(
        f"{log}={position}" for log, position in (past.positions or heads).items()
    )
    return past


def _of_one(
    query: Annotated[PastQuery, Query()], _: TheUser, system: TheSystem, response: Response
) -> Past | None:
    return past_asked(system, query.at, response)


def _of_list(
    query: Annotated[PastListQuery, Query()],
    _: TheUser,
    system: TheSystem,
    response: Response,
) -> Past | None:
    return past_asked(system, query.at, response)


ThePast = Annotated[Past | None, Depends(_of_one)]
# Where the route itself takes a `PastListQuery`, too.
ThePastOfList = Annotated[Past | None, Depends(_of_list)]
