"""`/api/plugin`: MCP servers, built-in ones and the team's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.callers import SignedIn, TheUser
from api.catalog_pages import LocaleQuery, as_it_is, holds, page_of
from api.locales import Languages, TheLanguages
from api.paging import TheCursors
from api.plugin_shapes import (
    NewPlugin,
    PluginBody,
    PluginOut,
    PluginsQuery,
    field_shown,
    launch_shown,
)
from api.positions import ExpectedVersion, reached, tag_version
from api.refusals import BuiltInIsReadOnly
from api.shapes import Page
from api.wired import TheSystem, Wired
from application.plugins import AddPlugin, ChangePlugin, RemovePlugin, plugin_shelf
from domain.destinations import UrlIsNotAllowed, allowed_origin
from domain.equipment_catalog import Plugin, ShippedPlugin
from domain.errors import InvalidFields
from domain.plugin_launch import HttpLaunch
from domain.plugins import OwnPlugin

router = APIRouter(prefix="/api/plugin", tags=["catalogs"])


@router.get("")
def all_plugins(  # noqa: PLR0913, PLR0917 - what the framework hands in
    query: Annotated[PluginsQuery, Query()],
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    cursors: TheCursors,
    response: Response,
) -> Page[PluginOut]:
    """The team's own plugins and the built-in ones, by slug."""
    reached(response, system.fleet.head())
    found = {
        one.id: one
        for one in _all(user, system, languages)
        if query.source in {None, one.source}
        and (query.region is None or one.region in {query.region, "global"})
        and query.category in {None, one.category}
        and holds(query.q, one.slug, one.name, one.description, one.names)
    }
    return page_of(found, query, cursors, show=as_it_is)


@router.post("", status_code=201)
def add_plugin(
    new: NewPlugin, user: TheUser, system: TheSystem, response: Response
) -> PluginOut:
    """An MCP server of the team's own."""
    plugin = _judged(new.plugin(new.slug), system)
    command = AddPlugin(team_id=user.team_id, plugin=plugin, label=new.label)
    position = system.bus.handle(command, by=user.caller)
    return _written(new.slug, user, system, response, position)


@router.get("/{plugin_id}")
def one_plugin(
    plugin_id: str,
    _: Annotated[LocaleQuery, Query()],
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    response: Response,
) -> PluginOut:
    """One plugin."""
    shipped = system.equipment_catalog.plugins.get(plugin_id)
    if shipped is not None:
        return _shipped_shown(shipped, system.equipment_catalog.version, languages)
    own = plugin_shelf(system.fleet, user.team_id).state.of(plugin_id)
    reached(response, system.fleet.head())
    tag_version(response, own.version)
    return _own_shown(own, languages)


@router.put("/{plugin_id}")
def change_plugin(  # noqa: PLR0913, PLR0917 - what the framework hands in
    plugin_id: str,
    new: PluginBody,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> PluginOut:
    """Put another plugin in the place of the team's one; bots keep what is installed."""
    _refuse_built_in(plugin_id, system)
    command = ChangePlugin(
        team_id=user.team_id,
        plugin=_judged(new.plugin(plugin_id), system),
        label=new.label,
        expected_version=expected,
    )
    position = system.bus.handle(command, by=user.caller)
    return _written(plugin_id, user, system, response, position)


@router.delete("/{plugin_id}", status_code=204)
def remove_plugin(
    plugin_id: str,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> None:
    """Take the team's plugin away."""
    _refuse_built_in(plugin_id, system)
    command = RemovePlugin(team_id=user.team_id, slug=plugin_id, expected_version=expected)
    reached(response, system.bus.handle(command, by=user.caller))


def _judged(plugin: Plugin, system: Wired) -> Plugin:
    """The plugin, unless its address may not be asked."""
    if isinstance(plugin.launch, HttpLaunch):
        try:
            allowed_origin(plugin.launch.url, egress_allow=system.egress_allow)
        except UrlIsNotAllowed as error:
            raise InvalidFields(**{"http.url": "url-not-allowed"}) from error
    return plugin


def _refuse_built_in(plugin_id: str, system: Wired) -> None:
    if plugin_id in system.equipment_catalog.plugins:
        raise BuiltInIsReadOnly


def _all(user: SignedIn, system: Wired, languages: Languages) -> Iterator[PluginOut]:
    catalog = system.equipment_catalog
    for own in plugin_shelf(system.fleet, user.team_id).state.plugins:
        yield _own_shown(own, languages)
    for shipped in catalog.plugins.values():
        yield _shipped_shown(shipped, catalog.version, languages)


def _written(
    slug: str, user: SignedIn, system: Wired, response: Response, position: int
) -> PluginOut:
    own = plugin_shelf(system.fleet, user.team_id).state.of(slug)
    reached(response, position)
    tag_version(response, own.version)
    return _own_shown(own, Languages())


def _own_shown(own: OwnPlugin, languages: Languages) -> PluginOut:
    label = own.label
    names, descriptions = {"en": label.name}, {"en": label.description}
    return _shown(own.plugin, names, descriptions, languages, own=str(own.version))


def _shipped_shown(shipped: ShippedPlugin, version: str, languages: Languages) -> PluginOut:
    return _shown(
        shipped.plugin, shipped.names, shipped.descriptions, languages, built_in=version
    )


def _shown(  # noqa: PLR0913 - what is shown
    plugin: Plugin,
    names: Mapping[str, str],
    descriptions: Mapping[str, str],
    languages: Languages,
    *,
    own: str = "",
    built_in: str = "",
) -> PluginOut:
    return PluginOut(
        id=plugin.slug,
        slug=plugin.slug,
        source="team" if own else "built-in",
        read_only=not own,
        version=own or built_in,
        name=languages.of(names),
        description=languages.of(descriptions),
        names=dict(names) if built_in else {},
        category=plugin.category,
        region=plugin.region,
        emoji=plugin.emoji,
        official=plugin.official,
        archived=plugin.archived,
        transport=plugin.transport,
        package_version=plugin.version,
        config_fields=[field_shown(one, languages) for one in plugin.fields],
        **launch_shown(plugin.launch),  # type: ignore[arg-type]
    )
