"""Lets a parked projection go on, from outside the projector."""

from __future__ import annotations

from adapters.bootstrap.followers import ROLE
from adapters.parking import parking_in
from adapters.postgres.database import Database
from domain.parking import ProjectionParked


def resume(url: str, projection: str) -> ProjectionParked | None:
    """It goes on within seconds; where it stood, or None if it was not parked."""
    database = Database(url, role=ROLE, size=2)
    database.open()
    try:
        parking = parking_in(database)
        was = parking.standing(projection)
        parking.resume(projection)
    finally:
        database.close()
    return was
