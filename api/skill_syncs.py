"""`/api/skill/sync`, `/fetch`, `/recall`, `/type`: where skills come from, and go.

What comes from elsewhere is pending until a person approves it. Addresses are read through
the outbound check; a folder of this machine is never read, only what somebody uploads.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Response

from api.callers import TheUser
from api.locales import TheLanguages
from api.paging import TheCursors
from api.positions import reached
from api.shapes import ListQuery, Page
from api.skill_reading import shelf_of, whole_shown
from api.skill_shapes import (
    NewSync,
    Recall,
    RecallOut,
    SkillTypeOut,
    SyncOut,
    WholeSkillOut,
    decoded,
    sync_shown,
)
from api.wired import TheSystem, Wired
from application.skill_sources import (
    MOST_ASKED,
    content_at,
    list_at,
    look_at_list,
    look_at_registry,
    look_into_folder,
)
from application.skills import RecallSkill, SyncSkills, TakeContent
from domain.destinations import DestinationIsNotPublic, UrlIsNotAllowed
from domain.errors import InvalidFields
from domain.skill_events import SkillSource
from domain.skill_sync import Looked
from domain.skills import SkillHasNoContent

router = APIRouter(prefix="/api/skill", tags=["catalogs"])


class TypesQuery(ListQuery):
    locale: str | None = None


@router.get("/type")
def all_types(
    query: Annotated[TypesQuery, Query()],
    _: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    cursors: TheCursors,
) -> Page[SkillTypeOut]:
    """What skills are sorted into, in its order."""
    types = system.equipment_catalog.skill_types.values()
    shown = [
        SkillTypeOut(
            slug=one.slug,
            name=languages.of(one.names),
            names=dict(one.names),
            icon=one.icon,
            sort_order=one.sort_order,
        )
        for one in types
    ]
    return cursors.whole(shown, query, lambda one: one.slug)


@router.get("/sync")
def last_syncs(
    query: Annotated[ListQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    response: Response,
) -> Page[SyncOut]:
    """The last twenty syncs, the latest first."""
    reached(response, system.fleet.head())
    syncs = shelf_of(system, user.team_id).syncs
    shown = [sync_shown(one) for one in reversed(syncs)]
    return cursors.whole(shown, query, lambda one: one.id)


@router.post("/sync", status_code=201)
def sync_skills(
    new: NewSync, user: TheUser, system: TheSystem, response: Response
) -> SyncOut:
    """Look at a source, and keep what is new or changed there as pending."""
    sync_id = uuid4()
    try:
        looked = _looked(new, system)
    except (UrlIsNotAllowed, DestinationIsNotPublic) as error:
        raise InvalidFields(url="url-not-allowed") from error
    command = SyncSkills(team_id=user.team_id, sync_id=sync_id, looked=looked)
    reached(response, system.bus.handle(command, by=user.caller))
    syncs = shelf_of(system, user.team_id).syncs
    return sync_shown(next(one for one in reversed(syncs) if one.id == sync_id))


def _looked(new: NewSync, system: Wired) -> Looked:
    match new.source:
        case SkillSource.FOLDER:
            if new.archive is None or new.url is not None:
                raise InvalidFields(archive="missing")
            return look_into_folder(decoded(new.archive), new.origin)
        case SkillSource.REGISTRY:
            if new.url is None:
                raise InvalidFields(url="missing")
            if not 0 < len(new.slugs) <= MOST_ASKED:
                raise InvalidFields(slugs="one-to-ten")
            return look_at_registry(system.outside, new.url, new.slugs)
        case SkillSource.OPENCLAW_LIST:
            return _listed(new, system)
        case SkillSource.OWN:
            raise InvalidFields(source="not-a-source")


def _listed(new: NewSync, system: Wired) -> Looked:
    if (new.url is None) == (new.document is None):
        raise InvalidFields(url="url-or-document")
    if new.url is not None:
        document = list_at(system.outside, new.url)
    else:
        parts = new.document or []
        document = parts if isinstance(parts, str) else "".join(parts)
    return look_at_list(
        document,
        new.url or new.origin,
        system.equipment_catalog.skill_types,
        only_types=new.skill_types,
        only_slugs=new.slugs,
    )


@router.post("/recall")
def recall_skill(
    recall: Recall, user: TheUser, system: TheSystem, response: Response
) -> RecallOut:
    """Content of that hash leaves all bots of the team, and is never installed again."""
    command = RecallSkill(
        team_id=user.team_id, content_hash=recall.content_hash, reason=recall.reason
    )
    reached(response, system.bus.handle(command, by=user.caller))
    shelf = shelf_of(system, user.team_id)
    having = [
        str(skill.facts.id)
        for skill in shelf.skills.values()
        if any(one.content_hash == recall.content_hash for one in skill.versions)
    ]
    return RecallOut(
        content_hash=recall.content_hash,
        reason=shelf.recalled[recall.content_hash],
        skills=sorted(having),
    )


@router.post("/{skill_id}/fetch")
def fetch_skill(
    skill_id: UUID,
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    response: Response,
) -> WholeSkillOut:
    """Read the content of a listed skill from where its list says; it is pending."""
    url = shelf_of(system, user.team_id).of(skill_id).facts.provenance.url
    if not url:
        raise SkillHasNoContent
    try:
        content, digest = content_at(system.outside, url)
    except (UrlIsNotAllowed, DestinationIsNotPublic) as error:
        raise InvalidFields(url="url-not-allowed") from error
    command = TakeContent(
        team_id=user.team_id, skill_id=skill_id, content=content, digest=digest
    )
    position = system.bus.handle(command, by=user.caller)
    skill = shelf_of(system, user.team_id).of(skill_id)
    return whole_shown(skill, None, user, system, languages, response, position)
