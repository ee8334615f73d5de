"""Commands about what a person has read; handlers answer the position reached."""

from __future__ import annotations

from dataclasses import dataclass

from application.bus import Command
from application.event_log import EventLog
from domain.ids import TeamId, UserId
from domain.notices import NoticeReader, NoticesMuted, NoticesRead, reader_id


@dataclass(frozen=True, kw_only=True)
class ReadNotices(Command[int]):
    """The notices at these positions, and all up to `upto`, are read."""

    team_id: TeamId
    user_id: UserId
    positions: tuple[int, ...] = ()
    upto: int = 0


def read_notices(command: ReadNotices, *, event_log: EventLog) -> int:
    reader = event_log.look(NoticeReader(), reader_id(command.team_id, command.user_id))
    read = NoticesRead(
        team_id=command.team_id,
        user_id=command.user_id,
        positions=command.positions,
        upto=command.upto,
    )
    return event_log.append(reader, reader.state.read(read))


@dataclass(frozen=True, kw_only=True)
class MuteNotices(Command[int]):
    """Exactly these kinds are not shown to the person."""

    team_id: TeamId
    user_id: UserId
    kinds: tuple[str, ...]


def mute_notices(command: MuteNotices, *, event_log: EventLog) -> int:
    reader = event_log.look(NoticeReader(), reader_id(command.team_id, command.user_id))
    muted = NoticesMuted(
        team_id=command.team_id, user_id=command.user_id, kinds=command.kinds
    )
    return event_log.append(reader, reader.state.mute(muted))
