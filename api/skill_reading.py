"""A team's skills as they are shown, folded from their stream."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from api.callers import SignedIn
from api.locales import Languages
from api.positions import reached, tag_version
from api.skill_shapes import (
    ProvenanceOut,
    SkillOut,
    SkillVersionOut,
    Status,
    WholeSkillOut,
    said_in,
)
from api.wired import Wired
from application.skills import content_of, skill_shelf
from domain.equipment_catalog import EquipmentCatalog
from domain.ids import TeamId
from domain.skill_events import SkillVersion
from domain.skills import Skill, SkillShelf


def shelf_of(system: Wired, team_id: TeamId) -> SkillShelf:
    """The team's skills as they stand."""
    return skill_shelf(system.fleet, team_id).state


def skill_shown(
    skill: Skill, shelf: SkillShelf, catalog: EquipmentCatalog, languages: Languages
) -> SkillOut:
    """The skill in its last version."""
    return SkillOut(**_fields(skill, skill.last, shelf, catalog, languages))


def whole_shown(  # noqa: PLR0913, PLR0917 - what the framework handed in
    skill: Skill,
    number: int | None,
    user: SignedIn,
    system: Wired,
    languages: Languages,
    response: Response,
    position: int | None = None,
) -> WholeSkillOut:
    """The skill with what it says, in that version or the last one."""
    shelf = shelf_of(system, user.team_id)
    chosen = skill.number(number) if number is not None or skill.versions else None
    said: dict[str, Any] = {}
    if chosen is not None:
        said = said_in(content_of(system.fleet, user.team_id, chosen.content_hash))
    reached(response, system.fleet.head() if position is None else position)
    tag_version(response, skill.version)
    fields = _fields(skill, chosen, shelf, system.equipment_catalog, languages)
    return WholeSkillOut(**fields, **said)


def status_of(version: SkillVersion | None, shelf: SkillShelf) -> Status:
    """What can be done with the version."""
    if version is None:
        return "listed"
    if version.content_hash in shelf.recalled:
        return "recalled"
    return "approved" if version.approved else "pending"


def _fields(
    skill: Skill,
    shown: SkillVersion | None,
    shelf: SkillShelf,
    catalog: EquipmentCatalog,
    languages: Languages,
) -> dict[str, Any]:
    facts = skill.facts
    skill_type = catalog.skill_types.get(facts.skill_type or "")
    provenance = facts.provenance
    return {
        "id": str(facts.id),
        "source": "team",
        "read_only": False,
        "version": str(skill.version),
        "name": facts.name,
        "description": facts.description,
        "skill_type": facts.skill_type,
        "skill_type_name": languages.of(skill_type.names) if skill_type else None,
        "status": status_of(shown, shelf),
        "kind": shown.kind if shown else None,
        "content_hash": shown.content_hash if shown else None,
        "version_number": shown.number if shown else None,
        "version_label": shown.label if shown else "",
        "provenance": ProvenanceOut(
            source=provenance.source,
            origin=provenance.origin,
            owner=provenance.owner,
            slug=provenance.slug,
            version=provenance.version,
            url=provenance.url,
            digest=provenance.digest,
        ),
        "versions": [
            SkillVersionOut(
                number=one.number,
                kind=one.kind,
                content_hash=one.content_hash,
                label=one.label,
                approved=one.approved,
                recalled=one.content_hash in shelf.recalled,
                recall_reason=shelf.recalled.get(one.content_hash),
            )
            for one in skill.versions
        ],
    }
