"""Orphans: what carries our label or lies in our folders, and belongs to no bot of the log.

Whether there is such a bot is asked of its own stream, for the directory may be behind: the
container of a bot that was created a moment ago is no orphan.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from application.engines import Engine, Orphan
from application.event_log import EventLog
from application.reconciling import Roll
from application.workspaces import Workspaces
from domain.bots import Bot
from domain.errors import NotFound

YOUNGEST = datetime.max.replace(tzinfo=UTC)  # of what nobody knows the age

log = logging.getLogger(__name__)


class Orphans:
    """Finds them and, if it is asked to, does away with them."""

    def __init__(
        self,
        *,
        engine: Engine,
        workspaces: Workspaces,
        roll: Roll,
        event_log: EventLog,
    ) -> None:
        self._engine = engine
        self._workspaces = workspaces
        self._roll = roll
        self._event_log = event_log

    def find(self) -> Sequence[Orphan]:
        """All there are now, the oldest first; `EngineUnavailable`."""
        alive = frozenset(one.bot_id for one in self._roll.bots())
        found = [*self._engine.orphans(alive), *self._workspaces.orphans(alive)]
        belongs = {bot_id: self._is_alive(bot_id) for bot_id in _bots_of(found)}
        lost = [one for one in found if one.bot_id is None or not belongs[one.bot_id]]
        return sorted(lost, key=lambda one: (one.created_at or YOUNGEST, one.kind, one.id))

    def clean_up(self, *, dry_run: bool = True) -> Sequence[Orphan]:
        """What is gone after this; in a dry run, what would be. `EngineUnavailable`."""
        found = self.find()
        if dry_run:
            return found
        return [one for one in found if self._discard(one)]

    def _discard(self, orphan: Orphan) -> bool:
        try:
            if orphan.kind == "workspace":
                self._workspaces.discard(orphan)
            else:
                self._engine.discard(orphan)
        except NotFound:
            return False  # it went by itself
        log.info(
            "orphan.discarded",
            extra={"kind": orphan.kind, "id": orphan.id, "bot_id": orphan.bot_id},
        )
        return True

    def _is_alive(self, bot_id: UUID) -> bool:
        bot = self._event_log.look(Bot(), bot_id)
        return bot.version > 0 and not bot.state.deleted


def _bots_of(orphans: Sequence[Orphan]) -> set[UUID]:
    return {one.bot_id for one in orphans if one.bot_id is not None}
