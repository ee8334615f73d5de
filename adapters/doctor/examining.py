"""All checks, in the order in which one stands on the other."""

from __future__ import annotations

from adapters.bootstrap.instance import postgres_folder
from adapters.doctor.database import look_at_database
from adapters.doctor.engine import look_at_engine
from adapters.doctor.findings import Findings, failed, skipped
from adapters.doctor.folders import look_at_folders
from adapters.doctor.plugins import look_at_plugins
from adapters.doctor.reaching import look_at_reach
from adapters.postgres.data_folder import DataFolder
from adapters.postgres.embedded import owner_url
from adapters.postgres.running import running_server
from adapters.settings import Settings
from domain.errors import BadSetup


def examine(settings: Settings) -> Findings:
    """What is found; nothing is started and nothing is changed."""
    yield from look_at_folders(settings)
    yield from _database(settings)
    yield from look_at_engine(settings)
    yield from look_at_plugins(settings)
    yield from look_at_reach(settings)


def _database(settings: Settings) -> Findings:
    if settings.database_url:
        yield from look_at_database(settings, settings.database_url)
        return
    folder = DataFolder(postgres_folder(settings))
    try:
        running = running_server(folder.cluster) if folder.cluster.exists() else None
        if running is None or running.port is None:
            said = "Our own PostgreSQL is not running: see `clawbot up`."
            yield skipped("database", said)
            return
        yield from look_at_database(settings, owner_url(folder.password(), running.port))
    except (BadSetup, OSError):
        advice = "Run this as the user that `clawbot up` runs as."
        yield failed("database", f"{folder.path} cannot be read.", advice)
