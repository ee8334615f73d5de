"""Commands that follow what calls and time do to provider keys; no person gives them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from application.bus import Command
from application.event_log import EventLog
from application.ports import SecretRemoval
from domain.ids import ProviderKeyId
from domain.keys import ProviderKey, Seen


@dataclass(frozen=True, kw_only=True)
class ReportKey(Command[int]):
    """Takes what a call saw of a key; harmless to give twice, or too late."""

    key_id: ProviderKeyId
    seen: Seen


def report_key(command: ReportKey, *, event_log: EventLog) -> int:
    key = event_log.read(ProviderKey(), command.key_id)
    return event_log.append(key, key.state.report(command.seen))


@dataclass(frozen=True, kw_only=True)
class RecoverKey(Command[int]):
    """Notes that a key has cooled down, if it has by now."""

    key_id: ProviderKeyId
    now: datetime


def recover_key(command: RecoverKey, *, event_log: EventLog) -> int:
    key = event_log.read(ProviderKey(), command.key_id)
    return event_log.append(key, key.state.recover(command.now))


@dataclass(frozen=True, kw_only=True)
class RetireSecrets(Command[int]):
    """Shreds the secrets of a key whose time of grace is over by now."""

    key_id: ProviderKeyId
    now: datetime


def retire_secrets(
    command: RetireSecrets, *, event_log: EventLog, secrets: SecretRemoval
) -> int:
    """The secret and its record go in the same unit of work."""
    key = event_log.read(ProviderKey(), command.key_id)
    retired = key.state.retire(command.now)
    for event in retired:
        secrets.remove_version(command.key_id, event.secret_version)
    return event_log.append(key, retired)
