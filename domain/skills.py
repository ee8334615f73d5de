"""A team's skills: their names, versions, approvals and recalls. One stream for each team.

What a member writes is approved by that. What comes from elsewhere is pending until a
person has looked at it: a skill is instructions to an agent that can do things.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never
from uuid import UUID, uuid5

from domain.errors import Conflict, InvalidFields, NotFound
from domain.ids import TeamId
from domain.skill_content import SkillDefinition
from domain.skill_events import (
    SkillApproved,
    SkillEvent,
    SkillFacts,
    SkillRecalled,
    SkillRemoved,
    SkillSet,
    SkillsSynced,
    SkillVersion,
    SyncReport,
)

_SHELVES = UUID("c1b0a7e2-7d0e-5f0c-8f8e-3d7b8a9c0d31")
MOST_SKILLS = 1_000
MOST_SYNCS = 20  # that are remembered
LONGEST_NAME = 64
LONGEST_DESCRIPTION = 1_000
NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9])*")
_HASH = re.compile(r"[0-9a-f]{64}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def skill_shelf_id(team_id: TeamId) -> UUID:
    """The stream of the team's skills."""
    return uuid5(_SHELVES, str(team_id))


class SkillExists(Conflict):
    """The team has a skill of that name already."""

    code = "skill-exists"


class TooManySkills(Conflict):
    """A team has at most 1000 skills."""

    code = "too-many-skills"


class SkillIsPending(Conflict):
    """Nobody has approved this version yet: it cannot be installed."""

    code = "skill-is-pending"


class SkillIsRecalled(Conflict):
    """This content was recalled: it cannot be installed."""

    code = "skill-is-recalled"


class SkillHasNoContent(Conflict):
    """Only its place in a list is known: get its content first."""

    code = "skill-has-no-content"


class OtherContent(Conflict):
    """The version holds other content than the one that was looked at."""

    code = "other-content"


@dataclass(frozen=True, kw_only=True)
class Skill:
    """One skill; `version` is that of the stream in which it became so."""

    facts: SkillFacts
    versions: tuple[SkillVersion, ...] = ()
    version: int = 0

    @property
    def last(self) -> SkillVersion | None:
        """The last version; None where only its place in a list is known."""
        return self.versions[-1] if self.versions else None

    def number(self, number: int | None) -> SkillVersion:
        """That version, or the last one; refused if there is none."""
        if number is None and self.last is not None:
            return self.last
        for one in self.versions:
            if one.number == number:
                return one
        if not self.versions:
            raise SkillHasNoContent
        raise NotFound


@dataclass(frozen=True, kw_only=True)
class SkillShelf:
    """All of a team's skills."""

    version: int = 0
    skills: Mapping[UUID, Skill] = field(default_factory=dict)
    recalled: Mapping[str, str] = field(default_factory=dict)  # reasons, by content hash
    syncs: tuple[SyncReport, ...] = ()  # the last ones, oldest first

    def of(self, skill_id: UUID) -> Skill:
        """That skill; refused if there is none."""
        found = self.skills.get(skill_id)
        if found is None:
            raise NotFound
        return found

    def named(self, name: str) -> Skill | None:
        """The skill of that name, if there is one."""
        return next((one for one in self.skills.values() if one.facts.name == name), None)

    def installable(
        self, skill_id: UUID, number: int | None = None
    ) -> tuple[Skill, SkillVersion]:
        """The skill and its version, or the last approved one that is not recalled.

        Refused: `NotFound`, `SkillHasNoContent`, `SkillIsPending`, `SkillIsRecalled`.
        """
        skill = self.of(skill_id)
        last = skill.number(number)
        if number is None:
            good = (
                one
                for one in reversed(skill.versions)
                if one.approved and one.content_hash not in self.recalled
            )
            last = next(good, last)
        if last.content_hash in self.recalled:
            raise SkillIsRecalled
        if not last.approved:
            raise SkillIsPending
        return skill, last

    def add(
        self,
        team_id: TeamId,
        facts: SkillFacts,
        content: SkillDefinition | None,
        *,
        label: str = "",
        approved: bool,
    ) -> list[SkillEvent]:
        """A new skill; refused under a name that is taken, or with recalled content."""
        check_facts(facts)
        if self.named(facts.name) is not None:
            raise SkillExists
        if len(self.skills) >= MOST_SKILLS:
            raise TooManySkills
        version = self._next((), content, label, approved=approved) if content else None
        return [SkillSet(team_id=team_id, facts=facts, version=version)]

    def change(
        self,
        team_id: TeamId,
        facts: SkillFacts,
        content: SkillDefinition | None,
        *,
        label: str = "",
        approved: bool,
    ) -> list[SkillEvent]:
        """The skill is called so; other content than its last makes a new version."""
        check_facts(facts)
        now = self.of(facts.id)
        other = self.named(facts.name)
        if other is not None and other.facts.id != facts.id:
            raise SkillExists
        new = None
        last_hash = now.last and now.last.content_hash
        if content is not None and last_hash != content.content_hash:
            new = self._next(now.versions, content, label, approved=approved)
        if new is None and facts == now.facts:
            return []
        return [SkillSet(team_id=team_id, facts=facts, version=new)]

    def _next(
        self,
        versions: tuple[SkillVersion, ...],
        content: SkillDefinition,
        label: str,
        *,
        approved: bool,
    ) -> SkillVersion:
        if content.content_hash in self.recalled:
            raise SkillIsRecalled
        return SkillVersion(
            number=len(versions) + 1,
            kind=content.kind,
            content_hash=content.content_hash,
            label=label,
            approved=approved,
        )

    def approve(
        self, team_id: TeamId, skill_id: UUID, number: int | None, content_hash: str | None
    ) -> list[SkillEvent]:
        """The version may be installed; refused if it is not the content that was seen."""
        version = self.of(skill_id).number(number)
        if content_hash is not None and version.content_hash != content_hash:
            raise OtherContent
        if version.content_hash in self.recalled:
            raise SkillIsRecalled
        if version.approved:
            return []
        return [SkillApproved(team_id=team_id, id=skill_id, number=version.number)]

    def remove(self, team_id: TeamId, skill_id: UUID) -> list[SkillEvent]:
        """Take the skill away; a bot that has it keeps what is installed."""
        self.of(skill_id)
        return [SkillRemoved(team_id=team_id, id=skill_id)]

    def recall(self, team_id: TeamId, content_hash: str, reason: str) -> list[SkillEvent]:
        """Content of that hash, known or not, is used no more; the first reason stands."""
        if _HASH.fullmatch(content_hash) is None:
            raise InvalidFields(content_hash="not-a-hash")
        if content_hash in self.recalled:
            return []
        return [SkillRecalled(team_id=team_id, content_hash=content_hash, reason=reason)]

    def evolve(self, event: SkillEvent) -> SkillShelf:
        now = replace(self, version=self.version + 1)
        match event:
            case SkillSet(facts=facts, version=new):
                before = self.skills.get(facts.id)
                versions = before.versions if before else ()
                versions = (*versions, new) if new else versions
                return _with(now, facts, versions)
            case SkillApproved(id=skill_id, number=number):
                skill = self.skills[skill_id]
                versions = tuple(
                    replace(one, approved=True) if one.number == number else one
                    for one in skill.versions
                )
                return _with(now, skill.facts, versions)
            case SkillRemoved(id=skill_id):
                rest = {key: one for key, one in self.skills.items() if key != skill_id}
                return replace(now, skills=rest)
            case SkillRecalled(content_hash=content_hash, reason=reason):
                return replace(now, recalled={**self.recalled, content_hash: reason})
            case SkillsSynced(report=report):
                return replace(now, syncs=(*self.syncs, report)[-MOST_SYNCS:])
            case _:
                assert_never(event)


def _with(
    shelf: SkillShelf, facts: SkillFacts, versions: tuple[SkillVersion, ...]
) -> SkillShelf:
    skill = Skill(facts=facts, versions=versions, version=shelf.version)
    return replace(shelf, skills={**shelf.skills, facts.id: skill})


def check_facts(facts: SkillFacts) -> None:
    """`InvalidFields` if the skill could not have a folder, or its texts break a line."""
    if len(facts.name) > LONGEST_NAME or NAME.fullmatch(facts.name) is None:
        raise InvalidFields(name="not-a-name")
    if len(facts.description) > LONGEST_DESCRIPTION:
        raise InvalidFields(description="too-long")
    if _CONTROL.search(facts.description):
        raise InvalidFields(description="control-characters")
