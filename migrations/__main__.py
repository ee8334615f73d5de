"""`python -m migrations`: applies what is missing to the database at DATABASE_URL."""

from __future__ import annotations

import sys

from adapters.postgres.migrator import migrate
from adapters.settings import Settings
from domain.errors import BadSetup, Unavailable


def main() -> int:
    """Apply what is missing and say so; 0 when the schema is current, else 2."""
    try:
        applied = migrate(_database_url())
    except (BadSetup, Unavailable) as error:
        sys.stderr.write(f"migrations: {error}\n")
        return 2
    for name in applied:
        sys.stdout.write(f"applied {name}\n")
    sys.stdout.write(f"schema is current ({len(applied)} applied now)\n")
    return 0


def _database_url() -> str:
    url = Settings().database_url
    if url is None:
        raise BadSetup(
            "DATABASE_URL is not set: give the owner's URL (clawbot up needs none)"
        )
    return url


if __name__ == "__main__":
    sys.exit(main())
