"""`/api/persona-template`: who a bot may be; built-in ones, and the team's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from uuid_utils.compat import uuid7

from api.callers import SignedIn, TheUser
from api.catalog_pages import LocaleQuery, as_it_is, holds, page_of
from api.locales import Languages, TheLanguages
from api.paging import TheCursors
from api.persona_shapes import (
    CopyOfTemplate,
    TemplateBody,
    TemplateOut,
    TemplatesQuery,
    own_shown,
    shipped_shown,
)
from api.positions import ExpectedVersion, reached, tag_version
from api.refusals import BuiltInIsReadOnly
from api.shapes import Page
from api.wired import TheSystem, Wired
from application.persona_templates import (
    AddTemplate,
    ChangeTemplate,
    RemoveTemplate,
    persona_shelf,
    template_of,
)
from domain.persona_templates import OwnTemplate

router = APIRouter(prefix="/api/persona-template", tags=["catalogs"])


@router.get("")
def all_templates(  # noqa: PLR0913, PLR0917 - what the framework hands in
    query: Annotated[TemplatesQuery, Query()],
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    cursors: TheCursors,
    response: Response,
) -> Page[TemplateOut]:
    """The team's own templates and the built-in ones, by id; not the empty one."""
    reached(response, system.fleet.head())
    catalog = system.equipment_catalog
    own = persona_shelf(system.fleet, user.team_id).state.templates
    shown = [own_shown(one, catalog, languages) for one in own]
    shown += [
        shipped_shown(built_in, catalog, languages)
        for built_in in catalog.personas.values()
        if not built_in.offered_only
    ]
    found = {
        one.id: one
        for one in shown
        if query.source in {None, one.source}
        and query.category in {None, one.category}
        and holds(query.q, one.name, one.tagline, one.soul, one.names)
    }
    return page_of(found, query, cursors, show=as_it_is)


@router.post("", status_code=201)
def add_template(
    new: TemplateBody,
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    response: Response,
) -> TemplateOut:
    """A template of the team's own."""
    template = new.template(system.equipment_catalog)
    return _added(template, user, system, languages, response)


@router.get("/{template_id}")
def one_template(
    template_id: str,
    _: Annotated[LocaleQuery, Query()],
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    response: Response,
) -> TemplateOut:
    """One template; `scratch` is the empty one."""
    catalog = system.equipment_catalog
    built_in = catalog.personas.get(template_id)
    if built_in is not None:
        return shipped_shown(built_in, catalog, languages)
    kept = persona_shelf(system.fleet, user.team_id).state.of(template_id)
    reached(response, system.fleet.head())
    tag_version(response, kept.version)
    return own_shown(kept, catalog, languages)


@router.put("/{template_id}")
def change_template(  # noqa: PLR0913, PLR0917 - what the framework hands in
    template_id: str,
    new: TemplateBody,
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    expected: ExpectedVersion,
    response: Response,
) -> TemplateOut:
    """The team's template is so from now on; bots that were made from it stay."""
    _refuse_built_in(template_id, system)
    command = ChangeTemplate(
        team_id=user.team_id,
        id=template_id,
        template=new.template(system.equipment_catalog),
        expected_version=expected,
    )
    position = system.bus.handle(command, by=user.caller)
    return _written(template_id, user, system, languages, response, position)


@router.delete("/{template_id}", status_code=204)
def remove_template(
    template_id: str,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> None:
    """Take the team's template away."""
    _refuse_built_in(template_id, system)
    command = RemoveTemplate(
        team_id=user.team_id, id=template_id, expected_version=expected
    )
    reached(response, system.bus.handle(command, by=user.caller))


@router.post("/{template_id}/duplicate", status_code=201)
def duplicate_template(  # noqa: PLR0913, PLR0917 - what the framework hands in
    template_id: str,
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    response: Response,
    new: CopyOfTemplate | None = None,
) -> TemplateOut:
    """A template of the team's own that says the same, in the caller's language."""
    catalog = system.equipment_catalog
    language = languages.of({"en": "en", "zh": "zh"})
    original = template_of(system.fleet, catalog, user.team_id, template_id, language)
    name = new.name if new is not None and new.name is not None else original.name
    copied = replace(original, name=name, copied_from=template_id)
    return _added(copied, user, system, languages, response)


def _refuse_built_in(template_id: str, system: Wired) -> None:
    if template_id in system.equipment_catalog.personas:
        raise BuiltInIsReadOnly


def _added(
    template: OwnTemplate,
    user: SignedIn,
    system: Wired,
    languages: Languages,
    response: Response,
) -> TemplateOut:
    new_id: UUID = uuid7()
    command = AddTemplate(team_id=user.team_id, id=new_id, template=template)
    position = system.bus.handle(command, by=user.caller)
    return _written(str(new_id), user, system, languages, response, position)


def _written(  # noqa: PLR0913, PLR0917 - what the framework handed in
    template_id: str,
    user: SignedIn,
    system: Wired,
    languages: Languages,
    response: Response,
    position: int,
) -> TemplateOut:
    kept = persona_shelf(system.fleet, user.team_id).state.of(template_id)
    reached(response, position)
    tag_version(response, kept.version)
    return own_shown(kept, system.equipment_catalog, languages)
