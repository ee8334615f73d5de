"""Answers to writes in PostgreSQL: sealed, and each committed with its write or not at all.

A row without an answer is written in the unit of work of the write. Two writes under one
key meet at the row's primary key: the second waits for the first's commit and is refused,
so nothing is carried out twice, and a crash before the commit leaves nothing behind.
"""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from adapters import crypto
from adapters.postgres.database import Connection, Database, accompanied
from adapters.vault import InstanceKeys
from application.idempotency import (
    Answer,
    Carried,
    KeyIsInUse,
    KeyIsReused,
    Write,
    is_told_of,
)
from domain.errors import Unavailable

KEPT = timedelta(hours=24)
SWEEP_SECONDS = 600.0


@dataclass
class _Record:
    """The row of one write, taken along by the first unit of work that commits."""

    of: Write
    store: PostgresIdempotency
    committed: bool = False

    def write(self, connection: Connection) -> None:
        if self.committed:
            return
        found = connection.execute(
            "INSERT INTO idempotency AS i (scope, key, request_hash) VALUES (%s, %s, %s) "
            "ON CONFLICT (scope, key) DO UPDATE SET (request_hash, response, created_at) "
            "= (excluded.request_hash, NULL, now()) WHERE i.created_at < now() - %s "
            "RETURNING 1",
            (self.of.scope, self.of.key, self.of.request_hash, KEPT),
        ).fetchone()
        if found is None:
            raise KeyIsInUse

    def landed(self) -> None:
        self.committed = True

    def keep(self, answer: Answer) -> None:
        self.store.keep(self.of, answer, written=self.committed)


class PostgresIdempotency:
    """Plays `IdempotencyStore`."""

    def __init__(self, database: Database, keys: InstanceKeys) -> None:
        self._database = database
        self._keys = keys
        self._lock = threading.Lock()
        self._swept = time.monotonic()

    def find(self, write: Write) -> Answer | None:
        with self._database.cursor() as cursor:
            found = cursor.execute(
                "SELECT request_hash, response FROM idempotency WHERE scope = %s "
                "AND key = %s AND created_at >= now() - %s",
                (write.scope, write.key, KEPT),
            ).fetchone()
        if found is None:
            return None
        request_hash, response = found
        if not crypto.equal(request_hash, write.request_hash):
            raise KeyIsReused
        if response is None:
            raise KeyIsInUse
        return self._opened(write, response)

    def forget(self, principal: str) -> None:
        forget_answers(self._database, principal)

    @contextmanager
    def along(self, write: Write) -> Iterator[Carried]:
        record = _Record(write, self)
        with accompanied(record):
            yield record

    def keep(self, write: Write, answer: Answer, *, written: bool) -> None:
        """Put the answer into the write's row; one that committed nothing has none yet."""
        row = (write.scope, write.key, write.request_hash, self._sealed(write, answer))
        with self._database.cursor() as cursor:
            if written:
                cursor.execute(
                    "UPDATE idempotency SET response = %s WHERE scope = %s AND key = %s",
                    (row[3], write.scope, write.key),
                )
            else:
                cursor.execute(
                    "INSERT INTO idempotency (scope, key, request_hash, response) "
                    "VALUES (%s, %s, %s, %s) ON CONFLICT (scope, key) DO NOTHING",
                    row,
                )
            if cursor.rowcount != 1:
                raise KeyIsInUse
        self._sweep()

    def _sealed(self, write: Write, answer: Answer) -> bytes:
        plain = json.dumps([answer.status, answer.headers, b64encode(answer.body).decode()])
        nonce, ciphertext = crypto.seal(self._key(), plain.encode(), _label(write))
        return nonce + ciphertext

    def _opened(self, write: Write, response: bytes) -> Answer:
        nonce, ciphertext = response[: crypto.NONCE_BYTES], response[crypto.NONCE_BYTES :]
        try:
            plain = crypto.unseal(self._key(), nonce, ciphertext, _label(write))
        except crypto.DoesNotOpen as error:
            msg = "a kept answer does not open"
            raise Unavailable(msg) from error
        status, headers, body = json.loads(plain)
        return Answer(
            status=status,
            headers=tuple((name, value) for name, value in headers),
            body=b64decode(body),
        )

    def _key(self) -> bytes:
        """Of its own, so that nothing sealed here opens anywhere else."""
        return crypto.hkdf_sha256(
            self._keys.get("token"), info=b"idempotency/v1", length=crypto.KEY_BYTES
        )

    def _sweep(self) -> None:
        """Now and then, what is too old to be asked for is deleted."""
        with self._lock:
            if time.monotonic() < self._swept + SWEEP_SECONDS:
                return
            self._swept = time.monotonic()
        with self._database.cursor() as cursor:
            cursor.execute("DELETE FROM idempotency WHERE created_at < now() - %s", (KEPT,))


def forget_answers(database: Database, principal: str) -> None:
    """As `IdempotencyStore.forget` says; needs no key."""
    with database.cursor() as cursor:
        scopes = cursor.execute("SELECT DISTINCT scope FROM idempotency").fetchall()
        told = [scope for (scope,) in scopes if is_told_of(scope, principal)]
        cursor.execute("DELETE FROM idempotency WHERE scope = ANY(%s)", (told,))


def _label(write: Write) -> bytes:
    """An answer opens only for the write that it was given to."""
    return json.dumps([write.scope, write.key, write.request_hash.hex()]).encode()
