"""Whenever a bot changes, its container is looked after; perhaps more than once.

A doorbell only: the worker looks by itself every 15 s, so that a ring that is lost delays
what was asked for, and no more.
"""

from __future__ import annotations

from uuid import UUID

from application.ports import JobQueue
from domain.bot_events import (
    BotCreated,
    BotEvent,
    BotTagged,
    BotTokenIssued,
    Runtime,
    TokenKind,
)
from domain.events import Event
from domain.log import FLEET, Page

RECONCILE_BOT = "reconcile_bot"


class LookAfterBots:
    """Rings once for each bot of which something changed that its container may show."""

    name = "look_after_bots"
    logs: tuple[str, ...] = (FLEET,)

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs

    def react(self, page: Page) -> None:
        for bot_id in changed_bots(page):
            self._jobs.enqueue(RECONCILE_BOT, bot_id=str(bot_id))


def changed_bots(page: Page) -> list[UUID]:
    """Each once, in order; without those that are seen to run elsewhere."""
    changed: dict[UUID, None] = {}
    elsewhere = set[UUID]()
    for placed in page.events:
        event, bot_id = placed.recorded.event, placed.recorded.originator_id
        if isinstance(event, BotCreated) and event.runtime is Runtime.EXTERNAL:
            elsewhere.add(bot_id)
        if _matters(event):
            changed[bot_id] = None
    return [bot_id for bot_id in changed if bot_id not in elsewhere]


def _matters(event: Event) -> bool:
    if isinstance(event, BotTokenIssued):
        return event.kind is not TokenKind.CONTAINER  # the worker's own doing
    return isinstance(event, BotEvent) and not isinstance(event, BotTagged)
