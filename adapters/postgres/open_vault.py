"""The proxy's side of the vault: opens provider keys, and keeps them for a minute at most.

Lives in one event loop. Its pool connects as clawbot_proxy, which sees rows of the purpose
`provider_key` and no others. Callers that want the same secret at the same moment share one
query, and none of them is hurt when another one gives up.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection, errors
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from adapters.postgres.vault import opened
from adapters.vault import Envelope, Sealed
from application.ports import Secret, SecretRef
from domain.errors import Unavailable

KEPT_SECONDS: Final = 60.0
KEPT_SECRETS: Final = 1_000


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Kept:
    """A secret in the cache, and the timer that wipes it."""

    secret: Secret
    until: float  # monotonic seconds
    timer: asyncio.TimerHandle


class PostgresOpenVault:
    """Plays `OpenVault`."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        envelope: Envelope,
        *,
        kept_seconds: float = KEPT_SECONDS,
        kept_secrets: int = KEPT_SECRETS,
    ) -> None:
        self._pool = pool
        self._envelope = envelope
        self._kept_seconds = kept_seconds
        self._kept_secrets = kept_secrets
        self._kept: dict[SecretRef, _Kept] = {}
        self._asked: dict[SecretRef, asyncio.Task[bytes]] = {}

    @property
    def kept(self) -> int:
        """How many secrets are in memory now."""
        return len(self._kept)

    async def open(self, ref: SecretRef) -> Secret:
        """The secret in clear, the caller's own to wipe.

        `Unavailable`: the database does not answer, or the record is not there or does not
        open, which is one error whatever the reason.
        """
        kept = self._kept.get(ref)
        # A loop that was held up may be late with its timers.
        if kept is not None and kept.until > time.monotonic():
            return Secret(kept.secret.reveal())
        return Secret(await asyncio.shield(self._asking(ref)))

    def forget(self, secret_id: UUID) -> None:
        """Nothing that was known of the secret is used again: it was rotated or removed."""
        for ref in [ref for ref in self._kept if ref.id == secret_id]:
            self._drop(ref)
        for ref in [ref for ref in self._asked if ref.id == secret_id]:
            del self._asked[ref]

    def close(self) -> None:
        """Every secret in the cache is wiped."""
        for ref in list(self._kept):
            self._drop(ref)
        self._asked.clear()

    def _asking(self, ref: SecretRef) -> asyncio.Task[bytes]:
        """The one query for this secret that is under way."""
        task = self._asked.get(ref)
        if task is None:
            task = asyncio.create_task(self._load(ref))
            self._asked[ref] = task
            task.add_done_callback(lambda done: self._keep(ref, done))
        return task

    async def _load(self, ref: SecretRef) -> bytes:
        try:
            async with (
                self._pool.connection() as connection,
                connection.cursor(row_factory=dict_row) as cursor,
            ):
                await cursor.execute(
                    "SELECT team_id, id, version, purpose, vendor, origin, kek_id, "
                    "wrap_nonce, wrapped_dek, nonce, ct, commitment "
                    "FROM vault.secret WHERE id = %s AND version = %s",
                    (ref.id, ref.version),
                )
                row = await cursor.fetchone()
        except (errors.OperationalError, errors.InterfaceError) as error:
            msg = "the vault does not answer"
            raise Unavailable(msg) from error
        return opened(self._envelope, ref, _record(row, ref))

    def _keep(self, ref: SecretRef, done: asyncio.Task[bytes]) -> None:
        """Into the cache with it, unless it failed or was to be forgotten meanwhile."""
        failed = done.cancelled() or done.exception() is not None
        if self._asked.get(ref) is not done:
            return
        del self._asked[ref]
        if failed:
            return
        self._drop(ref)
        if len(self._kept) >= self._kept_secrets:
            self._drop(next(iter(self._kept)))
        until = time.monotonic() + self._kept_seconds
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._kept_seconds, self._drop, ref)
        self._kept[ref] = _Kept(secret=Secret(done.result()), until=until, timer=timer)

    def _drop(self, ref: SecretRef) -> None:
        kept = self._kept.pop(ref, None)
        if kept is not None:
            kept.timer.cancel()
            kept.secret.wipe()


def _record(row: dict[str, Any] | None, ref: SecretRef) -> Sealed | None:
    """The sealed part of the row, if the rest of it says what the reference says."""
    if row is None:
        return None
    expected = asdict(ref)
    if any(row.pop(name) != value for name, value in expected.items()):
        return None
    return Sealed(**row)
