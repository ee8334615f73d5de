"""The vault and the people in PostgreSQL, as the control plane (role clawbot_api) has them.

Both write on the connection of the current unit of work, so that a secret and the event
that tells of it are committed together. Instance keys do the opposite on purpose: they
are committed at once, on a connection of their own, because a key that is in use must
not vanish with a unit of work that failed.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from typing import Any
from uuid import UUID

import psycopg
from psycopg import errors
from psycopg.rows import class_row

from adapters import crypto
from adapters.vault import (
    Envelope,
    InstanceKeys,
    KeyPurpose,
    Sealed,
    fingerprint,
    instance_key_ref,
    person_ref,
)
from application.ports import Person, Secret, SecretRef
from domain.errors import AlreadyExists, Unavailable

log = logging.getLogger(__name__)

CurrentCursor = Callable[[], AbstractContextManager[psycopg.Cursor[Any]]]
OwnConnection = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]


class PostgresVault:
    """Plays `Vault`: what is put can be removed, and not read back."""

    def __init__(
        self, cursor: CurrentCursor, envelope: Envelope, keys: InstanceKeys
    ) -> None:
        self._cursor = cursor
        self._envelope = envelope
        self._keys = keys

    def put(self, ref: SecretRef, secret: Secret) -> None:
        """Seal and store one version; `AlreadyExists`: it is there, or another team's."""
        clear = secret.reveal()
        sealed = self._envelope.seal(ref, clear)
        marks = {
            "last4": secret.last4(),
            "fp": fingerprint(self._keys.get("fingerprint"), ref.team_id, clear),
        }
        with _answering(), self._cursor() as cursor:
            try:
                cursor.execute(
                    "SELECT vault.put(%(id)s, %(version)s, %(team_id)s, %(purpose)s, "
                    "%(vendor)s, %(origin)s, %(kek_id)s, %(wrap_nonce)s, %(wrapped_dek)s, "
                    "%(nonce)s, %(ct)s, %(commitment)s, %(last4)s, %(fp)s)",
                    asdict(ref) | asdict(sealed) | marks,
                )
            except errors.UniqueViolation as error:
                raise AlreadyExists from error

    def remove(self, team_id: UUID, secret_id: UUID) -> None:
        """Shred every version; another team's secret is left alone."""
        with _answering(), self._cursor() as cursor:
            cursor.execute("SELECT vault.remove(%s, %s)", (team_id, secret_id))


class PostgresShredder:
    """Plays `Shredder`; needs no key."""

    def __init__(self, cursor: CurrentCursor) -> None:
        self._cursor = cursor

    def shred(self, user_id: UUID) -> None:
        """Delete the record and its key, in the current unit of work."""
        with _answering(), self._cursor() as cursor:
            cursor.execute("DELETE FROM vault.person WHERE user_id = %s", (user_id,))


class PostgresPeople(PostgresShredder):
    """Plays `People`: a record and a key for each person, both replaced by every put."""

    def __init__(self, cursor: CurrentCursor, envelope: Envelope) -> None:
        super().__init__(cursor)
        self._envelope = envelope

    def put(self, user_id: UUID, person: Person) -> None:
        """Store what is known of the user, in the current unit of work."""
        ref = person_ref(self._envelope.instance_id, user_id)
        sealed = self._envelope.seal(ref, json.dumps(asdict(person)).encode())
        with _answering(), self._cursor() as cursor:
            cursor.execute(
                "INSERT INTO vault.person "
                "(user_id, kek_id, wrap_nonce, wrapped_dek, nonce, ct, commitment) VALUES "
                "(%(user_id)s, %(kek_id)s, %(wrap_nonce)s, %(wrapped_dek)s, %(nonce)s, "
                "%(ct)s, %(commitment)s) ON CONFLICT (user_id) DO UPDATE SET "
                "(kek_id, wrap_nonce, wrapped_dek, nonce, ct, commitment) = "
                "(excluded.kek_id, excluded.wrap_nonce, excluded.wrapped_dek, "
                "excluded.nonce, excluded.ct, excluded.commitment)",
                asdict(sealed) | {"user_id": user_id},
            )

    def get(self, user_id: UUID) -> Person | None:
        """What is known of the user; `Unavailable` if the record does not open."""
        with _answering(), self._cursor() as current, _sealed(current.connection) as cursor:
            sealed = cursor.execute(
                "SELECT kek_id, wrap_nonce, wrapped_dek, nonce, ct, commitment "
                "FROM vault.person WHERE user_id = %s",
                (user_id,),
            ).fetchone()
        if sealed is None:
            return None
        ref = person_ref(self._envelope.instance_id, user_id)
        known = json.loads(opened(self._envelope, ref, sealed))
        hashes = tuple(known.pop("recovery_hashes", ()))
        return Person(**known, recovery_hashes=hashes)


class PostgresInstanceKeys:
    """Plays `InstanceKeys`: read once a process, made by clawbot_api if need be."""

    def __init__(self, connection: OwnConnection, envelope: Envelope) -> None:
        self._connection = connection
        self._envelope = envelope
        self._keys: dict[str, bytes] = {}

    def get(self, purpose: KeyPurpose) -> bytes:
        """The key; `Unavailable` if it does not exist yet and this role may not make it."""
        if purpose not in self._keys:
            ref = instance_key_ref(self._envelope.instance_id, purpose)
            sealed = self._stored(purpose) or self._made(purpose, ref)
            self._keys[purpose] = opened(self._envelope, ref, sealed)
        return self._keys[purpose]

    def _stored(self, purpose: str) -> Sealed | None:
        with _answering(), self._connection() as connection, _sealed(connection) as cursor:
            return cursor.execute(
                "SELECT kek_id, wrap_nonce, wrapped_dek, nonce, ct, commitment "
                "FROM vault.instance_key WHERE purpose = %s",
                (purpose,),
            ).fetchone()

    def _made(self, purpose: str, ref: SecretRef) -> Sealed:
        """The key that is stored now: ours, or that of whoever was first."""
        ours = self._envelope.seal(ref, crypto.random_key())
        try:
            with _answering(), self._connection() as connection, connection.transaction():
                connection.execute(
                    "INSERT INTO vault.instance_key "
                    "(purpose, kek_id, wrap_nonce, wrapped_dek, nonce, ct, commitment) "
                    "VALUES (%(purpose)s, %(kek_id)s, %(wrap_nonce)s, %(wrapped_dek)s, "
                    "%(nonce)s, %(ct)s, %(commitment)s) ON CONFLICT DO NOTHING",
                    asdict(ours) | {"purpose": purpose},
                )
        except errors.InsufficientPrivilege as error:
            msg = f"the instance key {purpose!r} is not there yet; the api makes it"
            raise Unavailable(msg) from error
        stored = self._stored(purpose)
        if stored is None:
            msg = f"the instance key {purpose!r} was made and is not there"
            raise Unavailable(msg)
        return stored


def opened(envelope: Envelope, ref: SecretRef, sealed: Sealed | None) -> bytes:
    """What the record holds. Whatever is wrong with it: one line in the log, one error."""
    msg = "the secret does not open"
    if sealed is None:
        log_open_failed(ref, None)
        raise Unavailable(msg)
    try:
        return envelope.open(ref, sealed)
    except crypto.DoesNotOpen as error:
        log_open_failed(ref, sealed.kek_id)
        raise Unavailable(msg) from error


def log_open_failed(ref: SecretRef, kek_id: str | None) -> None:
    """The one line that says so; alerts go by its name."""
    facts = {"id": str(ref.id), "version": ref.version, "kek_id": kek_id}
    log.error("vault.open_failed", extra=facts)


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (errors.OperationalError, errors.InterfaceError) as error:
        msg = "the vault does not answer"
        raise Unavailable(msg) from error


def _sealed(connection: psycopg.Connection[Any]) -> psycopg.Cursor[Sealed]:
    """A cursor in the same transaction, whatever rows the connection makes otherwise."""
    return connection.cursor(row_factory=class_row(Sealed))
