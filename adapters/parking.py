"""Finds the event that a follower cannot take, and keeps it parked there.

Pages are taken ever smaller until one event alone is refused, so that everything before it
counts. It is tried a few times more: what is away for a moment does not park anybody.
"""

from __future__ import annotations

import logging
import threading
import traceback
from functools import partial

from adapters.event_store import EventMapper
from adapters.follower import PAGE, Follower, Reader
from adapters.postgres.database import Database
from adapters.postgres.recorder import PostgresRecorder
from application.bus import Bus
from application.event_log import Caller, EventLog
from application.parking import (
    ParkProjection,
    ResumeProjection,
    park_projection,
    resume_projection,
)
from domain.errors import ConcurrentChange, Conflict, Unavailable
from domain.log import FLEET
from domain.parking import ParkedProjection, ProjectionParked, projection_id

TRIES = 3
TRY_SECONDS = 0.5
STEP = 10  # by how much pages shrink and grow

log = logging.getLogger(__name__)


class EventIsPoison(Conflict):
    """There is an event that a projection cannot take, in this release at least."""

    code = "event-is-poison"

    def __init__(self, parked: ProjectionParked) -> None:
        where = f"{parked.log}={parked.position}"
        super().__init__(f"{parked.projection} cannot take {where}: {parked.error}")
        self.parked = parked


def take_or_name_the_poison(
    follower: Follower, reader: Reader, *, name: str, stop: threading.Event
) -> None:
    """The follower has taken all there is, or `EventIsPoison`, or `stop` is set."""
    size, tries = PAGE, 0
    while not stop.is_set():
        position = follower.position(reader.name)
        try:
            page = reader.piece(position, size)
            if page.upto == position:
                return
            follower.take(page)
        except (Unavailable, ConcurrentChange):
            raise
        except Exception as error:
            tries += size == 1
            size = max(1, size // STEP)
            if tries == TRIES:
                parked = ProjectionParked(
                    projection=name,
                    log=reader.name,
                    position=reader.next_position(position),
                    error=_told(error),
                )
                raise EventIsPoison(parked) from error
            if tries:
                stop.wait(TRY_SECONDS)
        else:
            size, tries = min(PAGE, size * STEP), 0


def name_the_poison(follower: Follower, reader: Reader, *, name: str) -> None:
    """`EventIsPoison`, if there is one in what the follower has yet to take."""
    take_or_name_the_poison(follower, reader, name=name, stop=threading.Event())


def _told(error: Exception) -> str:
    """What kind of error, and where; its own text may hold what an event holds."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename]
    frame = (ours or frames)[-1]
    place = "/".join(frame.filename.split("/")[-2:])
    return f"{type(error).__name__} in {frame.name}, {place}:{frame.lineno}"


class Parking:
    """Who is parked, as the fleet log says; used by the threads of all followers."""

    def __init__(self, bus: Bus, fleet: EventLog) -> None:
        self.bus = bus
        self.fleet = fleet
        self._going = set[str]()  # nobody but us parks them

    def holds(self, name: str) -> bool:
        """Whether it is parked, and nobody has resumed it."""
        if name in self._going:
            return False
        if self.standing(name) is None:
            self._going.add(name)
        return name not in self._going

    def standing(self, name: str) -> ProjectionParked | None:
        """Where it stands still; None: it does not."""
        return self.fleet.look(ParkedProjection(), projection_id(name)).state.parked

    def park(self, parked: ProjectionParked) -> None:
        """It is parked, and everybody is told."""
        told = {"projection": parked.projection, "error": parked.error}
        place = {"log": parked.log, "position": parked.position}
        log.error("projection.parked", extra={**told, **place})
        self.bus.handle(ParkProjection(parked=parked), by=Caller("system:projector"))
        self._going.discard(parked.projection)

    def resume(self, name: str) -> None:
        """It goes on, if it was parked."""
        command = ResumeProjection(projection=name)
        self.bus.handle(command, by=Caller("system:command-line"))


def parking_in(database: Database) -> Parking:
    """What the fleet log of that database says, for commands that come from outside."""
    fleet = EventLog(FLEET, PostgresRecorder(database, FLEET), EventMapper())
    bus = Bus(database.unit_of_work)
    register_parking(bus, fleet)
    return Parking(bus, fleet)


def register_parking(bus: Bus, fleet: EventLog) -> None:
    """The bus knows how projections are parked and resumed."""
    bus.register(ParkProjection, partial(park_projection, event_log=fleet))
    bus.register(ResumeProjection, partial(resume_projection, event_log=fleet))
