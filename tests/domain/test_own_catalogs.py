"""A team's own plugins and persona templates: what they may be, and how many."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from uuid import uuid4

from domain.equipment_catalog import Label, Plugin
from domain.errors import InvalidFields, NotFound
from domain.ids import TeamId
from domain.persona_templates import (
    OwnTemplate,
    PersonaShelf,
    TemplateRemoved,
    TemplateSet,
    TooManyTemplates,
    persona_shelf_id,
)
from domain.plugin_launch import HttpLaunch, StdioLaunch
from domain.plugins import (
    PluginExists,
    PluginRemoved,
    PluginSet,
    PluginShelf,
    TooManyPlugins,
    plugin_shelf_id,
)
from tests.given import given

TEAM = TeamId(uuid4())
LABEL = Label(name="Acme")
ACME = Plugin(slug="acme", launch=HttpLaunch(url="https://mcp.example.com"))
SET = PluginSet(team_id=TEAM, plugin=ACME, label=LABEL)
TEMPLATE = OwnTemplate(name="Captain", soul="You sail.", copied_from="code-helper")
ID = uuid4()
KEPT = TemplateSet(team_id=TEAM, id=ID, template=TEMPLATE)


def test_a_new_plugin_is_kept_under_a_slug_of_its_own() -> None:
    given(PluginShelf()).when(lambda s: s.add(TEAM, ACME, LABEL, built_in=())).then(SET)
    given(PluginShelf(), SET).when(lambda s: s.add(TEAM, ACME, LABEL, built_in=())).refused(
        PluginExists
    )
    given(PluginShelf()).when(
        lambda s: s.add(TEAM, ACME, LABEL, built_in={"acme"})
    ).refused(PluginExists)
    for slug in ("", "-a", "A", "a/b", "a" * 61):
        given(PluginShelf()).when(
            lambda s, slug=slug: s.add(  # type: ignore[misc]
                TEAM, replace(ACME, slug=slug), LABEL, built_in=()
            )
        ).refused(InvalidFields)


def test_a_plugin_that_cannot_be_started_is_never_kept() -> None:
    shell = replace(ACME, launch=StdioLaunch(command="sh", args=("-c", "id")))
    given(PluginShelf()).when(lambda s: s.add(TEAM, shell, LABEL, built_in=())).refused(
        InvalidFields
    )
    given(PluginShelf(), SET).when(lambda s: s.change(TEAM, shell, LABEL)).refused(
        InvalidFields
    )


def test_a_plugin_is_changed_once_and_removed_once() -> None:
    other = replace(ACME, emoji="x")
    changed = PluginSet(team_id=TEAM, plugin=other, label=LABEL)
    given(PluginShelf(), SET).when(lambda s: s.change(TEAM, ACME, LABEL)).then()
    given(PluginShelf(), SET).when(lambda s: s.change(TEAM, other, LABEL)).then(changed)
    gone = PluginRemoved(team_id=TEAM, slug="acme")
    given(PluginShelf(), SET, changed).when(lambda s: s.remove(TEAM, "acme")).then(gone)
    given(PluginShelf(), SET, gone).when(lambda s: s.remove(TEAM, "acme")).refused(NotFound)
    given(PluginShelf(), SET, gone).when(lambda s: s.change(TEAM, ACME, LABEL)).refused(
        NotFound
    )


def test_a_team_has_at_most_a_hundred_of_each() -> None:
    plugins = [
        PluginSet(team_id=TEAM, plugin=replace(ACME, slug=f"p{n}"), label=LABEL)
        for n in range(100)
    ]
    full = reduce(PluginShelf.evolve, plugins, PluginShelf())
    assert full.version == 100
    given(full).when(lambda s: s.add(TEAM, ACME, LABEL, built_in=())).refused(
        TooManyPlugins
    )
    personas = [
        TemplateSet(team_id=TEAM, id=uuid4(), template=TEMPLATE) for _ in range(100)
    ]
    given(PersonaShelf(), *personas).when(lambda s: s.add(TEAM, ID, TEMPLATE)).refused(
        TooManyTemplates
    )
    assert plugin_shelf_id(TEAM) != persona_shelf_id(TEAM)


def test_a_template_is_kept_changed_and_removed() -> None:
    given(PersonaShelf()).when(lambda s: s.add(TEAM, ID, TEMPLATE)).then(KEPT)
    other = OwnTemplate(name="Mate", soul="You row.")
    changed = TemplateSet(
        team_id=TEAM, id=ID, template=replace(other, copied_from="code-helper")
    )
    given(PersonaShelf(), KEPT).when(lambda s: s.change(TEAM, str(ID), other)).then(changed)
    given(PersonaShelf(), KEPT, changed).when(
        lambda s: s.change(TEAM, str(ID), other)
    ).then()
    gone = TemplateRemoved(team_id=TEAM, id=ID)
    given(PersonaShelf(), KEPT).when(lambda s: s.remove(TEAM, str(ID))).then(gone)
    given(PersonaShelf(), KEPT, gone).when(lambda s: s.remove(TEAM, str(ID))).refused(
        NotFound
    )


def test_texts_that_no_bot_should_read_are_refused() -> None:
    for wrong in (
        replace(TEMPLATE, name=" "),
        replace(TEMPLATE, name="x" * 81),
        replace(TEMPLATE, soul="x" * 20_001),
        replace(TEMPLATE, soul="🙂" * 10_001),
        replace(TEMPLATE, soul="a\x1bb"),
        replace(TEMPLATE, tagline="a\u2066b"),
        replace(TEMPLATE, tagline="a\nb"),
    ):
        given(PersonaShelf()).when(
            lambda s, wrong=wrong: s.add(TEAM, ID, wrong)  # type: ignore[misc]
        ).refused(InvalidFields)
    long = replace(TEMPLATE, soul="🙂\n" * 6_666)
    given(PersonaShelf()).when(lambda s: s.add(TEAM, ID, long)).then(
        replace(KEPT, template=long)
    )
