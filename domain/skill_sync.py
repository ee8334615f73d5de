"""What a source has against what a team has: which skills are new, changed, gone or alike.

Nothing is taken away by a sync, and nothing that it brings is approved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from domain.ids import TeamId
from domain.skill_content import SkillDefinition
from domain.skill_events import (
    Provenance,
    SkillEvent,
    SkillFacts,
    SkillSource,
    SkillsSynced,
    SyncReport,
)
from domain.skills import LONGEST_DESCRIPTION, LONGEST_NAME, NAME, Skill, SkillShelf

LONGEST_LABEL = 60
Place = tuple[str, str, str, str]

_SKILLS = UUID("7f2f8f0e-3c1a-5b3e-9a4e-50c7a1f2b3d4")
_NOT_PLAIN = re.compile(r"[^a-z0-9]+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Found:
    """One skill of a source; without content where the source only lists it."""

    provenance: Provenance
    description: str = ""
    skill_type: str | None = None
    content: SkillDefinition | None = None


def plain_name(text: str) -> str:
    """The text as a skill's name: lower case, digits and `-`; "" if nothing is left."""
    name = _NOT_PLAIN.sub("-", text.lower()).strip("-")[:LONGEST_NAME].strip("-")
    return name if NAME.fullmatch(name) else ""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What was seen of a source at once."""

    source: SkillSource
    origin: str  # its address; "" where it was uploaded
    digest: str  # SHA-256 of what was read
    found: Sequence[Found]
    whole: bool  # what is not among it is gone from there


def sync(
    shelf: SkillShelf, team_id: TeamId, sync_id: UUID, looked: Looked
) -> list[SkillEvent]:
    """What makes the team know all that was found, each new version pending.

    Refused as `SkillShelf.add` is; skills without a name that is free, and content that
    was recalled, are skipped.
    """
    ours = {one.facts.provenance.place: one for one in shelf.skills.values()}
    events: list[SkillEvent] = []
    names: dict[str, list[str]] = {"added": [], "changed": [], "same": [], "skipped": []}
    for one in _once(looked.found):
        known = ours.get(one.provenance.place)
        facts = _facts(shelf, team_id, sync_id, one, known)
        content = one.content
        if facts is None or (content and content.content_hash in shelf.recalled):
            names["skipped"].append(one.provenance.slug)
            continue
        ask = shelf.change if known else shelf.add
        label = one.provenance.version[:LONGEST_LABEL]
        made = ask(team_id, facts, content, label=label, approved=False)
        done = "added" if known is None else "changed" if made else "same"
        names[done].append(facts.name)
        for event in made:
            shelf = shelf.evolve(event)
        events += made
    report = SyncReport(
        id=sync_id,
        source=looked.source,
        origin=looked.origin,
        digest=looked.digest,
        added=tuple(names["added"]),
        changed=tuple(names["changed"]),
        removed=tuple(sorted(_gone(looked, ours))),
        unchanged=len(names["same"]),
        skipped=tuple(names["skipped"]),
    )
    return [*events, SkillsSynced(team_id=team_id, report=report)]


def _gone(looked: Looked, ours: Mapping[Place, Skill]) -> Iterator[str]:
    """The names of those that the source had before and has no more."""
    there = {one.provenance.place for one in looked.found}
    for place, skill in ours.items():
        from_there = place[:2] == (looked.source, looked.origin)
        if looked.whole and from_there and place not in there:
            yield skill.facts.name


def _facts(
    shelf: SkillShelf, team_id: TeamId, sync_id: UUID, one: Found, known: Skill | None
) -> SkillFacts | None:
    """What the skill is called here; None if no name is left for it."""
    name = known.facts.name if known else _free_name(shelf, one.provenance)
    if not name:
        return None
    return SkillFacts(
        id=known.facts.id if known else _new_id(team_id, sync_id, one.provenance),
        name=name,
        description=plain_line(one.description),
        skill_type=one.skill_type,
        provenance=one.provenance,
    )


def _once(found: Iterable[Found]) -> Iterable[Found]:
    """The first of each place."""
    first: dict[Place, Found] = {}
    for one in found:
        first.setdefault(one.provenance.place, one)
    return first.values()


def _new_id(team_id: TeamId, sync_id: UUID, provenance: Provenance) -> UUID:
    """Its own for ever, and the same when the sync is carried out again."""
    return uuid5(_SKILLS, "\n".join((str(team_id), str(sync_id), *provenance.place)))


def _free_name(shelf: SkillShelf, provenance: Provenance) -> str:
    """Its slug, or with its owner's name before it if that is taken; "" if both are."""
    for text in (provenance.slug, f"{provenance.owner}-{provenance.slug}"):
        name = plain_name(text)
        if name and shelf.named(name) is None:
            return name
    return ""


def plain_line(text: str) -> str:
    """The text in one line, as far as a description goes."""
    return " ".join(_CONTROL.sub(" ", text).split())[:LONGEST_DESCRIPTION]


def fetched(
    shelf: SkillShelf,
    team_id: TeamId,
    skill_id: UUID,
    content: SkillDefinition,
    digest: str,
) -> list[SkillEvent]:
    """The content of a skill that was only listed, or that changed: a pending version."""
    facts = shelf.of(skill_id).facts
    now = replace(facts, provenance=replace(facts.provenance, digest=digest))
    return shelf.change(team_id, now, content, approved=False)
