"""Commands about a team's skills, and how everybody else finds a skill and its content.

Handlers answer the position reached. Content is kept in the same unit of work as the
version that names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from application.bus import Command
from application.event_log import EventLog, Stream
from domain.errors import NotFound, PreconditionFailed
from domain.events import Event
from domain.ids import TeamId
from domain.skill_content import KeptContent, SkillDefinition, content_id
from domain.skill_events import SkillFacts, SkillVersion
from domain.skill_sync import Looked, fetched, sync
from domain.skills import Skill, SkillShelf, skill_shelf_id

Change = tuple[Stream[Any], Sequence[Event]]


def skill_shelf(event_log: EventLog, team_id: TeamId) -> Stream[SkillShelf]:
    """The team's skills as they stand; none, if it never had any."""
    return event_log.look(SkillShelf(), skill_shelf_id(team_id))


def skill_of(
    event_log: EventLog, team_id: TeamId, skill_id: UUID, number: int | None = None
) -> tuple[Skill, SkillVersion]:
    """The skill and the version that may be installed; refused as `installable` says."""
    return skill_shelf(event_log, team_id).state.installable(skill_id, number)


def content_of(event_log: EventLog, team_id: TeamId, content_hash: str) -> SkillDefinition:
    """What the team keeps under that hash; refused if that is nothing.

    It is there even when it was recalled, or its skill removed: see `SkillShelf.recalled`.
    """
    kept = event_log.look(KeptContent(), content_id(team_id, content_hash)).state
    if kept.content is None:
        raise NotFound
    return kept.content


@dataclass(frozen=True, kw_only=True)
class AddSkill(Command[int]):
    """A skill in a member's own words: approved by that."""

    team_id: TeamId
    facts: SkillFacts
    content: SkillDefinition
    label: str = ""


def add_skill(command: AddSkill, *, event_log: EventLog) -> int:
    shelf = skill_shelf(event_log, command.team_id)
    added = shelf.state.add(
        command.team_id,
        command.facts,
        command.content,
        label=command.label,
        approved=True,
    )
    kept = _kept(event_log, command.team_id, [command.content])
    return event_log.append_all((shelf, added), *kept)


@dataclass(frozen=True, kw_only=True)
class ChangeSkill(Command[int]):
    """Without content, it stays what it is. The expected version is the skill's."""

    team_id: TeamId
    facts: SkillFacts
    content: SkillDefinition | None
    expected_version: int | None
    label: str = ""


def change_skill(command: ChangeSkill, *, event_log: EventLog) -> int:
    shelf = skill_shelf(event_log, command.team_id)
    _expect(shelf.state, command.facts.id, command.expected_version)
    changed = shelf.state.change(
        command.team_id,
        command.facts,
        command.content,
        label=command.label,
        approved=True,
    )
    contents = [] if command.content is None else [command.content]
    kept = _kept(event_log, command.team_id, contents)
    return event_log.append_all((shelf, changed), *kept)


@dataclass(frozen=True, kw_only=True)
class RemoveSkill(Command[int]):
    team_id: TeamId
    skill_id: UUID
    expected_version: int | None


def remove_skill(command: RemoveSkill, *, event_log: EventLog) -> int:
    shelf = skill_shelf(event_log, command.team_id)
    _expect(shelf.state, command.skill_id, command.expected_version)
    return event_log.append(shelf, shelf.state.remove(command.team_id, command.skill_id))


@dataclass(frozen=True, kw_only=True)
class ApproveSkill(Command[int]):
    """Without a number, the last version. The hash is of what the person looked at."""

    team_id: TeamId
    skill_id: UUID
    number: int | None
    content_hash: str | None


def approve_skill(command: ApproveSkill, *, event_log: EventLog) -> int:
    shelf = skill_shelf(event_log, command.team_id)
    approved = shelf.state.approve(
        command.team_id, command.skill_id, command.number, command.content_hash
    )
    return event_log.append(shelf, approved)


@dataclass(frozen=True, kw_only=True)
class RecallSkill(Command[int]):
    team_id: TeamId
    content_hash: str
    reason: str


def recall_skill(command: RecallSkill, *, event_log: EventLog) -> int:
    shelf = skill_shelf(event_log, command.team_id)
    recalled = shelf.state.recall(command.team_id, command.content_hash, command.reason)
    return event_log.append(shelf, recalled)


@dataclass(frozen=True, kw_only=True)
class SyncSkills(Command[int]):
    """What a source had when somebody looked; every new version waits for approval."""

    team_id: TeamId
    sync_id: UUID
    looked: Looked


def sync_skills(command: SyncSkills, *, event_log: EventLog) -> int:
    shelf = skill_shelf(event_log, command.team_id)
    events = sync(shelf.state, command.team_id, command.sync_id, command.looked)
    contents = [one.content for one in command.looked.found if one.content is not None]
    kept = _kept(event_log, command.team_id, contents)
    return event_log.append_all((shelf, events), *kept)


@dataclass(frozen=True, kw_only=True)
class TakeContent(Command[int]):
    """The content of a skill that a source only lists: a version that waits."""

    team_id: TeamId
    skill_id: UUID
    content: SkillDefinition
    digest: str


def take_content(command: TakeContent, *, event_log: EventLog) -> int:
    shelf = skill_shelf(event_log, command.team_id)
    events = fetched(
        shelf.state, command.team_id, command.skill_id, command.content, command.digest
    )
    kept = _kept(event_log, command.team_id, [command.content])
    return event_log.append_all((shelf, events), *kept)


def _expect(shelf: SkillShelf, skill_id: UUID, version: int | None) -> None:
    if version is not None and version != shelf.of(skill_id).version:
        raise PreconditionFailed


def _kept(
    event_log: EventLog, team_id: TeamId, contents: Iterable[SkillDefinition]
) -> list[Change]:
    """What keeps each of them once."""
    by_hash = {one.content_hash: one for one in contents}
    changes: list[Change] = []
    for content_hash, content in by_hash.items():
        stream = event_log.look(KeptContent(), content_id(team_id, content_hash))
        changes.append((stream, stream.state.keep(team_id, content)))
    return changes
