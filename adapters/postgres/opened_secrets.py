"""The worker's side of the vault, for code in threads: opens one secret at a time.

Its role, clawbot_worker, sees rows of the purposes `channel`, `plugin` and `webhook`
and no others.
Nothing is kept.
"""

from __future__ import annotations

from dataclasses import astuple

from psycopg.rows import class_row

from adapters.postgres.database import Database
from adapters.postgres.vault import opened
from adapters.vault import Envelope, Sealed
from application.ports import Secret, SecretRef


class PostgresOpenedSecrets:
    """Plays `OpensSecrets`."""

    def __init__(self, database: Database, envelope: Envelope) -> None:
        self._database = database
        self._envelope = envelope

    def open(self, ref: SecretRef) -> Secret:
        """The secret in clear; `Unavailable`: the vault does not answer or open it."""
        with (
            self._database.connection() as connection,
            connection.cursor(row_factory=class_row(Sealed)) as cursor,
        ):
            cursor.execute(
                "SELECT kek_id, wrap_nonce, wrapped_dek, nonce, ct, commitment "
                "FROM vault.secret WHERE team_id = %s AND id = %s AND version = %s "
                "AND purpose = %s AND vendor = %s AND origin = %s",
                astuple(ref),
            )
            sealed = cursor.fetchone()
        return Secret(opened(self._envelope, ref, sealed))
