"""Wires `clawbot vault rewrap`: the vault's owner, the keyring, and the log that tells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import psycopg
from uuid_utils.compat import uuid7

from adapters.bootstrap.control_plane import ROLE
from adapters.bootstrap.followers import event_logs
from adapters.bootstrap.instance import keyring_of
from adapters.postgres.database import Database
from adapters.postgres.rewrap import Progress, rewrap, silent, waiting
from adapters.settings import Settings
from application import kek
from application.bus import Bus
from application.event_log import Caller
from domain.errors import Unavailable
from domain.log import FLEET

BY = Caller(actor="system:vault-rewrap")


@dataclass(frozen=True, kw_only=True)
class Rewrapped:
    """What came of it; with nothing left, the other keys can be taken out."""

    kek_id: str
    rewrapped: int
    left: int


def rewrap_vault(settings: Settings, url: str, progress: Progress = silent) -> Rewrapped:
    """Every record is wrapped under the keyring's first key, but those that do not open.

    `BadSetup`: the keyring is not the vault's; `Unavailable`. The start and the end stand
    in the fleet log. Everything else goes on meanwhile.
    """
    keyring = keyring_of(settings)
    database = Database(url, role=ROLE, size=2)
    database.open()
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=2) as owner:
            bus = _bus(database)
            run_id, found = uuid7(), waiting(owner, keyring)
            started = kek.StartKekRotation(
                run_id=run_id, kek_id=keyring.primary, records=found
            )
            bus.handle(started, by=BY)
            done = rewrap(owner, keyring, progress)
            left = waiting(owner, keyring)
            finished = kek.FinishKekRotation(run_id=run_id, rewrapped=done, left=left)
            bus.handle(finished, by=BY)
    except psycopg.OperationalError as error:
        msg = "the database does not answer"
        raise Unavailable(msg) from error
    finally:
        database.close()
    return Rewrapped(kek_id=keyring.primary, rewrapped=done, left=left)


def _bus(database: Database) -> Bus:
    bus, fleet = Bus(database.unit_of_work), event_logs(database)[FLEET]
    start = partial(kek.start_kek_rotation, event_log=fleet)
    bus.register(kek.StartKekRotation, start)
    finish = partial(kek.finish_kek_rotation, event_log=fleet)
    bus.register(kek.FinishKekRotation, finish)
    return bus
