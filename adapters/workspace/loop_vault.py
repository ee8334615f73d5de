"""The worker's vault for code that runs in threads: plays `OpensSecrets`."""

from __future__ import annotations

import asyncio
from concurrent.futures import TimeoutError as TookTooLong

from application.ports import OpenVault, Secret, SecretRef
from domain.errors import Unavailable

SECONDS = 5.0


class LoopVault:
    """Opens secrets in the event loop that the vault lives in."""

    def __init__(
        self, vault: OpenVault, loop: asyncio.AbstractEventLoop, *, seconds: float = SECONDS
    ) -> None:
        self._vault = vault
        self._loop = loop
        self._seconds = seconds

    def open(self, ref: SecretRef) -> Secret:
        """The secret in clear; `Unavailable` if it does not open, or not in time."""
        asked = asyncio.run_coroutine_threadsafe(self._vault.open(ref), self._loop)
        try:
            return asked.result(self._seconds)
        except TookTooLong as error:
            asked.cancel()
            msg = "the vault does not answer in time"
            raise Unavailable(msg) from error
