"""The vault, the people and the instance keys, played in memory. Nothing is sealed here."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from adapters import crypto
from adapters.vault import KeyPurpose
from application.ports import Person, Secret, SecretRef
from domain.errors import AlreadyExists, Unavailable


class MemoryVault:
    """Plays every role of a vault, with the same refusals as the real ones."""

    def __init__(self) -> None:
        self._secrets: dict[tuple[UUID, int], tuple[SecretRef, bytes]] = {}

    def put(self, ref: SecretRef, secret: Secret) -> None:
        for stored, _ in self._secrets.values():
            taken = stored.id == ref.id
            if taken and (stored.version == ref.version or stored.team_id != ref.team_id):
                raise AlreadyExists
        self._secrets[ref.id, ref.version] = (ref, secret.reveal())

    def remove(self, team_id: UUID, secret_id: UUID) -> None:
        self._secrets = {
            key: (ref, secret)
            for key, (ref, secret) in self._secrets.items()
            if (ref.team_id, ref.id) != (team_id, secret_id)
        }

    def remove_version(self, secret_id: UUID, version: int) -> None:
        self._secrets.pop((secret_id, version), None)

    async def open(self, ref: SecretRef) -> Secret:
        stored, secret = self._secrets.get((ref.id, ref.version), (None, b""))
        if stored != ref:
            msg = "the secret does not open"
            raise Unavailable(msg)
        return Secret(secret)


class MemoryPeople:
    """Plays `People`."""

    def __init__(self) -> None:
        self._people: dict[UUID, Person] = {}

    def put(self, user_id: UUID, person: Person) -> None:
        self._people[user_id] = person

    def get(self, user_id: UUID) -> Person | None:
        return self._people.get(user_id)

    def shred(self, user_id: UUID) -> None:
        self._people.pop(user_id, None)


class MemoryErasures:
    """Plays `ErasureLedger`."""

    def __init__(self) -> None:
        self.ids: list[UUID] = []

    def add(self, user_ids: Iterable[UUID]) -> None:
        self.ids += user_ids


class MemoryInstanceKeys:
    """Plays `InstanceKeys`: random for each purpose, gone with the process."""

    def __init__(self) -> None:
        self._keys: dict[str, bytes] = {}

    def get(self, purpose: KeyPurpose) -> bytes:
        return self._keys.setdefault(purpose, crypto.random_key())
