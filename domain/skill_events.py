"""What can happen to a team's skills. The content itself stands in `skill_content.py`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.events import Event
from domain.ids import TeamId
from domain.skill_content import SkillKind


class SkillSource(StrEnum):
    """Where a skill came from."""

    OWN = "own"  # written or uploaded by a member
    FOLDER = "folder"  # an OpenClaw installation's skills, or any folder of them
    REGISTRY = "registry"
    OPENCLAW_LIST = "openclaw-list"  # links, without content


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where exactly, in the words of the source."""

    source: SkillSource = SkillSource.OWN
    origin: str = ""  # the address of the source; "" where it was uploaded
    owner: str = ""
    slug: str = ""
    version: str = ""
    url: str = ""  # where the content is
    digest: str = ""  # SHA-256 of what the source gave

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What stays the same from one sync to the next."""
        return (self.source, self.origin, self.owner, self.slug)


@dataclass(frozen=True, kw_only=True)
class SkillFacts:
    """What a skill is called and where it belongs."""

    id: UUID
    name: str  # lower case, digits and "-": also the folder's name
    description: str = ""
    skill_type: str | None = None
    provenance: Provenance = Provenance()


@dataclass(frozen=True, kw_only=True)
class SkillVersion:
    """One version: which content, and whether a person has approved it."""

    number: int  # 1, 2, …
    kind: SkillKind
    content_hash: str
    label: str = ""  # its author's word for it, such as 1.2.0
    approved: bool = False


@dataclass(frozen=True, kw_only=True)
class SyncReport:
    """What a source had when it was looked at, against what the team had."""

    id: UUID
    source: SkillSource
    origin: str
    digest: str  # SHA-256 of what was read
    added: tuple[str, ...] = ()  # names
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()  # gone from the source; the team keeps them
    unchanged: int = 0
    skipped: tuple[str, ...] = ()  # no name is left for them


@dataclass(frozen=True, kw_only=True)
class SkillSet(Event, topic="skill.set"):
    """The skill of that id is called so; with a new version, if one came with it."""

    team_id: TeamId
    facts: SkillFacts
    version: SkillVersion | None = None


@dataclass(frozen=True, kw_only=True)
class SkillApproved(Event, topic="skill.approved"):
    """A person has looked at the version: it may be installed."""

    team_id: TeamId
    id: UUID
    number: int


@dataclass(frozen=True, kw_only=True)
class SkillRemoved(Event, topic="skill.removed"):
    team_id: TeamId
    id: UUID


@dataclass(frozen=True, kw_only=True)
class SkillRecalled(Event, topic="skill.recalled"):
    """Content of that hash leaves every bot of the team, and is never installed again."""

    team_id: TeamId
    content_hash: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SkillsSynced(Event, topic="skill.synced"):
    team_id: TeamId
    report: SyncReport


SkillEvent = SkillSet | SkillApproved | SkillRemoved | SkillRecalled | SkillsSynced
