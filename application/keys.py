"""Commands about provider keys, each with its handler below it.

The secret goes into the vault and the event into the log in one unit of work: either both
are there, or neither is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from application.bots import expect
from application.bus import Command
from application.event_log import EventLog, Stream
from application.ports import Secret, SecretRef, Vault
from application.seats import seat_left, seat_taken
from domain.catalog import AllowPaths
from domain.errors import NotFound
from domain.ids import ProviderKeyId, TeamId
from domain.keys import (
    ProviderKey,
    ProviderKeyAdded,
    ProviderKeyChecked,
    ProviderKeyEdited,
    ProviderKeyEvent,
)
from domain.seats import Seat
from domain.verdicts import Verdict

PURPOSE = "provider_key"


def key_of_team(
    event_log: EventLog, team_id: TeamId, key_id: ProviderKeyId
) -> Stream[ProviderKey]:
    """The team's key as it stands; another team's, or a removed one, is not there."""
    key = event_log.read(ProviderKey(), key_id)
    if key.state.team_id != team_id or key.state.removed:
        raise NotFound
    return key


def secret_ref(
    team_id: UUID, key_id: UUID, version: int, vendor: str, origin: str
) -> SecretRef:
    """Where a key's secret lies in the vault, and what it is bound to."""
    return _secret_ref(team_id.int, key_id.int, version, vendor, origin)


# Asked for every call, and what is the same is found faster. By number, as a UUID is
# hashed by Python code.
@lru_cache(maxsize=1024)
def _secret_ref(team: int, key: int, version: int, vendor: str, origin: str) -> SecretRef:
    return SecretRef(
        team_id=UUID(int=team),
        id=UUID(int=key),
        version=version,
        purpose=PURPOSE,
        vendor=vendor,
        origin=origin,
    )


@dataclass(frozen=True, kw_only=True)
class AddProviderKey(Command[int]):
    """Answers the position reached. The origin has passed the outbound check."""

    key_id: ProviderKeyId
    team_id: TeamId
    vendor: str
    label: str
    secret: Secret
    base_url: str | None
    origin: str
    tags: tuple[str, ...]
    models: tuple[str, ...]
    allow_paths: AllowPaths


def add_provider_key(command: AddProviderKey, *, event_log: EventLog, vault: Vault) -> int:
    key = event_log.begin(ProviderKey(), command.key_id)
    seat = seat_taken(event_log, command.team_id, Seat.KEY, command.key_id)
    version = 1
    ref = secret_ref(
        command.team_id, command.key_id, version, command.vendor, command.origin
    )
    vault.put(ref, command.secret)
    added = ProviderKeyAdded(
        team_id=command.team_id,
        vendor=command.vendor,
        label=command.label,
        base_url=command.base_url,
        origin=command.origin,
        tags=command.tags,
        models=command.models,
        allow_paths=command.allow_paths,
        secret_version=version,
        last4=command.secret.last4(),
    )
    return event_log.append_all(seat, (key, key.state.add(added)))


@dataclass(frozen=True, kw_only=True)
class EditProviderKey(Command[int]):
    """None leaves a field as it is."""

    key_id: ProviderKeyId
    team_id: TeamId
    label: str | None
    tags: tuple[str, ...] | None
    models: tuple[str, ...] | None
    allow_paths: AllowPaths | None
    expected_version: int | None
    disabled: bool | None = None


def edit_provider_key(command: EditProviderKey, *, event_log: EventLog) -> int:
    key = key_of_team(event_log, command.team_id, command.key_id)
    expect(key, command.expected_version)
    now = key.state
    edited = ProviderKeyEdited(
        label=now.label if command.label is None else command.label,
        tags=now.tags if command.tags is None else command.tags,
        models=now.models if command.models is None else command.models,
        allow_paths=command.allow_paths or now.allow_paths,
    )
    switched: list[ProviderKeyEvent] = []
    if command.disabled is not None:
        switched = now.disable() if command.disabled else now.enable()
    return event_log.append(key, [*now.edit(edited), *switched])


@dataclass(frozen=True, kw_only=True)
class RotateProviderKey(Command[int]):
    """Calls take the new secret at once; those under way may finish with the old one."""

    key_id: ProviderKeyId
    team_id: TeamId
    secret: Secret
    previous_end_at: datetime
    expected_version: int | None


def rotate_provider_key(
    command: RotateProviderKey, *, event_log: EventLog, vault: Vault
) -> int:
    """The new version is put beside the old one, in the same unit of work."""
    key = key_of_team(event_log, command.team_id, command.key_id)
    expect(key, command.expected_version)
    now = key.state
    version = now.secret_version + 1
    ref = secret_ref(command.team_id, command.key_id, version, now.vendor, now.origin)
    vault.put(ref, command.secret)
    rotated = now.rotate(
        last4=command.secret.last4(), previous_end_at=command.previous_end_at
    )
    return event_log.append(key, rotated)


@dataclass(frozen=True, kw_only=True)
class RemoveProviderKey(Command[int]):
    key_id: ProviderKeyId
    team_id: TeamId
    expected_version: int | None


def remove_provider_key(
    command: RemoveProviderKey, *, event_log: EventLog, vault: Vault
) -> int:
    """The secret is shredded in the same unit of work."""
    key = key_of_team(event_log, command.team_id, command.key_id)
    expect(key, command.expected_version)
    vault.remove(command.team_id, command.key_id)
    return event_log.append_all(
        (key, key.state.remove()),
        *seat_left(event_log, command.team_id, Seat.KEY, command.key_id),
    )


@dataclass(frozen=True, kw_only=True)
class CheckProviderKey(Command[int]):
    """Asks for the vendor's verdict; a policy has the worker fetch it."""

    key_id: ProviderKeyId
    team_id: TeamId
    check_id: UUID


def check_provider_key(command: CheckProviderKey, *, event_log: EventLog) -> int:
    key = key_of_team(event_log, command.team_id, command.key_id)
    return event_log.append(key, key.state.request_check(command.check_id))


@dataclass(frozen=True, kw_only=True)
class RecordKeyCheck(Command[int]):
    """What the worker found out."""

    key_id: ProviderKeyId
    check_id: UUID
    verdict: Verdict
    http_status: int | None
    error: str | None


def record_key_check(command: RecordKeyCheck, *, event_log: EventLog) -> int:
    key = event_log.read(ProviderKey(), command.key_id)
    checked = ProviderKeyChecked(
        check_id=command.check_id,
        verdict=command.verdict,
        http_status=command.http_status,
        error=command.error,
    )
    return event_log.append(key, key.state.record_check(checked))
