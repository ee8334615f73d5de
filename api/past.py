"""`?at=`: a time, or a position of a log, at which something is to be shown as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query, Response
from pydantic import TypeAdapter, ValidationError

from api.callers import TheUser
from api.positions import parse_positions
from api.shapes import Moment
from api.shapes import Query as AQuery
from api.wired import TheSystem, Wired
from application.event_log import EventLog
from domain.errors import InvalidFields
from domain.log import CALLS, FLEET

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
LOOK_BACK = 100  # positions, twice as many each time: they have gaps

_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


@dataclass(frozen=True, kw_only=True)
class Past:
    """A time that is over; with the positions it was asked for by, if it was."""

    time: datetime
    positions: Mapping[str, int] = field(default_factory=dict)

    def of(self, log: str) -> int | None:
        """The log's position then; None: by the time."""
        return self.positions.get(log)


class PastQuery(AQuery):
    """A resource as it was at a time or a position."""

    at: str | None = None


def past_of(system: Wired, text: str, now: datetime) -> Past:
    """What the text stands for; `InvalidFields` if for nothing, or for what is to come.

    The time of a position is when its event was recorded; of two logs, the later one.
    """
    if "=" not in text:
        try:
            time = _MOMENT.validate_python(text)
        except ValidationError as error:
            raise InvalidFields(at="time") from error
        if time > now:
            raise InvalidFields(at="in-the-future")
        return Past(time=time)
    positions = parse_positions(text, field="at")
    logs = {FLEET: system.fleet, CALLS: system.calls}
    times = [_time_of(logs[name], position) for name, position in positions.items()]
    return Past(time=max(times), positions=positions)


def _time_of(log: EventLog, position: int) -> datetime:
    """When the last event was recorded that has that position or one before."""
    if position > log.head():
        raise InvalidFields(at="not-reached")
    back = LOOK_BACK
    while True:
        after = max(0, position - back)
        page = log.page(after=after, limit=back, upto=position)
        if page.events:
            return page.events[-1].recorded.at
        if after == 0:
            return BEGINNING
        back *= 2


def _past(
    query: Annotated[PastQuery, Query()], _: TheUser, system: TheSystem, response: Response
) -> Past | None:
    """A past answer tells the positions it was asked for by; by a time, the logs' heads."""
    if query.at is None:
        return None
    heads = {FLEET: system.fleet.head(), CALLS: system.calls.head()}
    past = past_of(system, query.at, datetime.now(UTC))
    response.headers["X-Log-Position"] = ",".join(
        f"{log}={position}" for log, position in (past.positions or heads).items()
    )
    return past


ThePast = Annotated[Past | None, Depends(_past)]
