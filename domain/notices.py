"""What a person has read of a team's notices, and which kinds they do not care for.

A stream for each person in each team. Notices are told apart by their positions in the log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID, uuid5

from domain.errors import InvalidFields
from domain.events import Event
from domain.happenings import NOTICES
from domain.ids import TeamId, UserId

MOST_SINGLE = 1000  # read one by one; if there are more, the older ones count as read

_READERS = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a08")


def reader_id(team_id: TeamId | UUID, user_id: UserId | UUID) -> UUID:
    """The stream of that person in that team."""
    return uuid5(_READERS, f"{team_id}:{user_id}")


@dataclass(frozen=True, kw_only=True)
class NoticesRead(Event, topic="notice_reader.read"):
    """The notices at these positions, and all of them up to `upto`."""

    team_id: TeamId
    user_id: UserId
    positions: tuple[int, ...] = ()
    upto: int = 0


@dataclass(frozen=True, kw_only=True)
class NoticesMuted(Event, topic="notice_reader.muted"):
    """Notices of these kinds are not shown to the person, and of no others."""

    team_id: TeamId
    user_id: UserId
    kinds: tuple[str, ...]


NoticeReaderEvent = NoticesRead | NoticesMuted


@dataclass(frozen=True, kw_only=True)
class NoticeReader:
    """What one person has read in one team, and does not want to be shown."""

    upto: int = 0
    positions: tuple[int, ...] = ()  # above `upto`, in order
    muted: tuple[str, ...] = ()

    def has_read(self, position: int) -> bool:
        """Whether the notice at that position is read."""
        return position <= self.upto or position in self.positions

    def read(self, event: NoticesRead) -> list[NoticeReaderEvent]:
        """Note what is read; nothing, if all of it was."""
        new = tuple(one for one in event.positions if not self.has_read(one))
        if not new and event.upto <= self.upto:
            return []
        return [replace(event, positions=new)]

    def mute(self, event: NoticesMuted) -> list[NoticeReaderEvent]:
        """Show these kinds no more; refused if one is no kind of notice."""
        if not NOTICES.issuperset(event.kinds):
            raise InvalidFields(muted="not-a-choice")
        kinds = tuple(sorted(set(event.kinds)))
        return [] if kinds == self.muted else [replace(event, kinds=kinds)]

    def evolve(self, event: NoticeReaderEvent) -> NoticeReader:
        match event:
            case NoticesRead(positions=positions, upto=upto):
                return self._having_read(positions, max(self.upto, upto))
            case NoticesMuted(kinds=kinds):
                return replace(self, muted=kinds)
            case _:
                assert_never(event)

    def _having_read(self, positions: tuple[int, ...], upto: int) -> NoticeReader:
        single = sorted({*self.positions, *positions})
        if len(single) > MOST_SINGLE:
            upto = max(upto, single[-MOST_SINGLE - 1])
        left = tuple(one for one in single if one > upto)
        return replace(self, upto=upto, positions=left)
