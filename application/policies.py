"""Policies: whenever this is recorded, then that is asked for, perhaps more than once.

A policy asks first and moves its position afterwards: after a crash it asks again, so
whatever it asks for must be harmless to ask for twice.
"""

from __future__ import annotations

from application.ports import JobQueue
from domain.keys import ProviderKeyCheckRequested
from domain.log import FLEET, Page

CHECK_PROVIDER_KEY = "check_provider_key"


class CheckRequestedKeys:
    """Whenever a key's check is requested, the worker is told to fetch the verdict."""

    name = "check_requested_keys"
    logs: tuple[str, ...] = (FLEET,)

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs

    def react(self, page: Page) -> None:
        for placed in page.events:
            if isinstance(placed.recorded.event, ProviderKeyCheckRequested):
                self._jobs.enqueue(
                    CHECK_PROVIDER_KEY, key_id=str(placed.recorded.originator_id)
                )
