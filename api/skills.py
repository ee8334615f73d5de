"""`/api/skill`: what a team's bots can be taught. See `skill_syncs.py` for where from."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from uuid_utils.compat import uuid7

from api.callers import TheUser
from api.catalog_pages import holds, page_of
from api.locales import TheLanguages
from api.paging import TheCursors
from api.positions import ExpectedVersion, reached
from api.shapes import Page
from api.skill_reading import shelf_of, skill_shown, status_of, whole_shown
from api.skill_shapes import (
    Approval,
    SkillBody,
    SkillOut,
    SkillQuery,
    SkillsQuery,
    WholeSkillOut,
)
from api.wired import TheSystem
from application.skills import AddSkill, ApproveSkill, ChangeSkill, RemoveSkill
from domain.equipment_catalog import EquipmentCatalog
from domain.errors import InvalidFields
from domain.skill_events import SkillFacts
from domain.skill_sync import LONGEST_LABEL, plain_line, plain_name
from domain.skills import Skill

router = APIRouter(prefix="/api/skill", tags=["catalogs"])


@router.get("")
def all_skills(  # noqa: PLR0913, PLR0917 - what the framework hands in
    query: Annotated[SkillsQuery, Query()],
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    cursors: TheCursors,
    response: Response,
) -> Page[SkillOut]:
    """The team's skills, by id."""
    reached(response, system.fleet.head())
    shelf = shelf_of(system, user.team_id)
    catalog = system.equipment_catalog
    found = {
        str(skill.facts.id): skill
        for skill in shelf.skills.values()
        if query.source in {None, "team"}
        and query.skill_type in {None, skill.facts.skill_type}
        and query.kind in {None, skill.last and skill.last.kind}
        and query.status in {None, status_of(skill.last, shelf)}
        and holds(query.q, skill.facts.name, skill.facts.description)
    }

    def show(skill: Skill) -> SkillOut:
        return skill_shown(skill, shelf, catalog, languages)

    return page_of(found, query, cursors, show=show)


@router.post("", status_code=201)
def add_skill(
    new: SkillBody,
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    response: Response,
) -> WholeSkillOut:
    """A skill in the team's own words, or an uploaded folder: approved by that."""
    folder = new.folder()
    if folder is None:
        raise InvalidFields(definition="missing")
    facts = SkillFacts(
        id=uuid7(),
        name=new.name or plain_name(folder.name),
        description=plain_line(new.description or folder.description),
        skill_type=_known_type(new.skill_type, system.equipment_catalog),
    )
    command = AddSkill(
        team_id=user.team_id,
        facts=facts,
        content=folder.content,
        label=new.version or folder.label[:LONGEST_LABEL],
    )
    position = system.bus.handle(command, by=user.caller)
    skill = shelf_of(system, user.team_id).of(facts.id)
    return whole_shown(skill, None, user, system, languages, response, position)


@router.get("/{skill_id}")
def one_skill(  # noqa: PLR0913, PLR0917 - what the framework hands in
    skill_id: UUID,
    query: Annotated[SkillQuery, Query()],
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    response: Response,
) -> WholeSkillOut:
    """One skill with what it says, in its last version or the one that is asked for."""
    skill = shelf_of(system, user.team_id).of(skill_id)
    return whole_shown(skill, query.version, user, system, languages, response)


@router.put("/{skill_id}")
def change_skill(  # noqa: PLR0913, PLR0917 - what the framework hands in
    skill_id: UUID,
    new: SkillBody,
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    expected: ExpectedVersion,
    response: Response,
) -> WholeSkillOut:
    """What is given is so from now on; other content makes a new version.

    Bots keep the version that they have installed.
    """
    now = shelf_of(system, user.team_id).of(skill_id).facts
    folder = new.folder()
    told = folder.description if folder is not None else ""
    facts = SkillFacts(
        id=skill_id,
        name=new.name or now.name,
        description=plain_line(
            new.description if new.description is not None else told or now.description
        ),
        skill_type=_known_type(new.skill_type, system.equipment_catalog) or now.skill_type,
        provenance=now.provenance,
    )
    command = ChangeSkill(
        team_id=user.team_id,
        facts=facts,
        content=None if folder is None else folder.content,
        expected_version=expected,
        label=new.version or ("" if folder is None else folder.label[:LONGEST_LABEL]),
    )
    position = system.bus.handle(command, by=user.caller)
    skill = shelf_of(system, user.team_id).of(skill_id)
    return whole_shown(skill, None, user, system, languages, response, position)


@router.delete("/{skill_id}", status_code=204)
def remove_skill(
    skill_id: UUID,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> None:
    """Take the skill away; to take it from bots too, recall its content."""
    command = RemoveSkill(
        team_id=user.team_id, skill_id=skill_id, expected_version=expected
    )
    reached(response, system.bus.handle(command, by=user.caller))


@router.post("/{skill_id}/approve")
def approve_skill(  # noqa: PLR0913, PLR0917 - what the framework hands in
    skill_id: UUID,
    approval: Approval,
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    response: Response,
) -> WholeSkillOut:
    """The version may be installed: a person has looked at that very content."""
    command = ApproveSkill(
        team_id=user.team_id,
        skill_id=skill_id,
        number=approval.version,
        content_hash=approval.content_hash,
    )
    position = system.bus.handle(command, by=user.caller)
    skill = shelf_of(system, user.team_id).of(skill_id)
    version = approval.version
    return whole_shown(skill, version, user, system, languages, response, position)


def _known_type(skill_type: str | None, catalog: EquipmentCatalog) -> str | None:
    if skill_type is not None and skill_type not in catalog.skill_types:
        raise InvalidFields(skill_type="unknown-skill-type")
    return skill_type
