"""The database of an instance that exists, for commands that look at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.bootstrap.instance import database_of, postgres_folder, refuse_unmigrated
from api.cli.settings import read_settings
from domain.errors import BadSetup


@contextmanager
def running_database() -> Iterator[str]:
    """Its URL: `DATABASE_URL`, or that of the data folder, where `up` may be running.

    `BadSetup` if there is none: a command that looks at an instance never makes one.
    """
    settings = read_settings()
    folder = postgres_folder(settings)
    if not settings.database_url and not (folder / "data").exists():
        msg = (
            f"There is no instance in {settings.clawbot_data_dir}: start one with "
            "`clawbot up`, or name its database with DATABASE_URL."
        )
        raise BadSetup(msg)
    with database_of(settings) as url:
        refuse_unmigrated(url)
        yield url
