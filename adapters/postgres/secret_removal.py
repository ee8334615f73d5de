"""Shreds single versions of secrets, as the projector may (role clawbot_projector)."""

from __future__ import annotations

from uuid import UUID

from adapters.postgres.database import Database


class PostgresSecretRemoval:
    """Plays `SecretRemoval`; needs no key, and can read nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remove_version(self, secret_id: UUID, version: int) -> None:
        with self._database.cursor() as cursor:
            cursor.execute("SELECT vault.remove_version(%s, %s)", (secret_id, version))
