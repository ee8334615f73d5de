"""Policies: whenever this is recorded, then that is asked for, perhaps more than once.

A policy asks first and moves its position afterwards: after a crash it asks again, so
whatever it asks for must be harmless to ask for twice.
"""

from __future__ import annotations

from uuid import UUID

from application.bus import Bus
from application.event_log import Caller
from application.key_states import ReportKey
from application.ports import JobQueue
from domain.attempts import Attempt
from domain.calls import CallSettled
from domain.errors import NotFound
from domain.events import Event, Recorded
from domain.ids import ProviderKeyId
from domain.keys import ProviderKeyCheckRequested, Seen
from domain.log import CALLS, FLEET, Page
from domain.verdicts import Verdict

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


CLEAR = frozenset({Verdict.THROTTLED, Verdict.NO_FUNDS, Verdict.DEAD})


class FollowVerdicts:
    """Whenever a call saw that a key cannot serve, that is made known to every proxy.

    A check of a key tells its verdict by itself.
    """

    name = "follow_verdicts"
    logs: tuple[str, ...] = (CALLS,)

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def react(self, page: Page) -> None:
        for recorded, attempt in _told(page).values():
            command = ReportKey(
                key_id=ProviderKeyId(attempt.provider_key_id),
                seen=Seen(
                    verdict=attempt.verdict,
                    at=recorded.at,
                    cooling_until=attempt.cooling_until,
                    good_version=attempt.good_version,
                    http_status=attempt.http_status,
                    error=attempt.error,
                ),
            )
            caller = Caller(
                actor="system:projector",
                team_id=recorded.team_id,
                correlation_id=recorded.correlation_id,
                causation_id=f"call:{recorded.originator_id}:{recorded.originator_version}",
            )
            try:
                self._bus.handle(command, by=caller)
            except NotFound:  # of another fleet: this log was brought here by itself
                continue


def _told(page: Page) -> dict[tuple[UUID, Verdict], tuple[Recorded[Event], Attempt]]:
    """What the page tells last of each key and verdict: a thousand 429s are one."""
    told = {}
    for placed in page.events:
        event = placed.recorded.event
        if isinstance(event, CallSettled) and event.facts.bot_id is not None:
            for attempt in event.attempt_log:
                if attempt.verdict in CLEAR:
                    key = (attempt.provider_key_id, attempt.verdict)
                    told[key] = (placed.recorded, attempt)
    return told
