"""Persona files, and the texts that no bot can have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.bot_equipment import Equipment
from domain.equipment import NOBODY, Persona
from domain.errors import InvalidFields
from domain.workspace.personas import check_persona
from domain.workspace.rendered import Area
from domain.workspace.rendering import render
from domain.workspace.texts import LONGEST_FILE
from tests.domain.workspace.scene import FACTS, content


def test_a_bot_reads_who_it_is_in_four_files() -> None:
    rendered = render(FACTS)
    assert content(rendered, "SOUL.md", Area.WORKSPACE) == "# Soul\n\nYou write.\n"
    identity = content(rendered, "IDENTITY.md", Area.WORKSPACE)
    assert identity == "# Identity\n\n- **Name:** Quill\n- **Emoji:** 🪶\n"
    assert "MEMORY.md" in content(rendered, "AGENTS.md", Area.WORKSPACE)
    assert len(content(rendered, "USER.md", Area.WORKSPACE)) <= 4000


def test_only_the_notebook_about_people_is_left_to_the_bot() -> None:
    assert [file.path for file in render(FACTS).files if file.seed] == ["USER.md"]


def test_a_bot_without_a_persona_has_a_soul_and_the_name_of_the_bot() -> None:
    rendered = render(replace(FACTS, persona=NOBODY))
    assert "You are Quill of the team." in content(rendered, "SOUL.md", Area.WORKSPACE)
    nameless = render(replace(FACTS, persona=NOBODY, name=""))
    assert "**Name:** quill" in content(nameless, "IDENTITY.md", Area.WORKSPACE)
    assert "Emoji" not in content(nameless, "IDENTITY.md", Area.WORKSPACE)


def test_line_ends_of_windows_become_ours() -> None:
    persona = replace(FACTS.persona, soul="one\r\ntwo\r\rthree")
    rendered = render(replace(FACTS, persona=persona))
    assert content(rendered, "SOUL.md", Area.WORKSPACE) == "one\ntwo\n\nthree\n"


def test_the_longest_soul_is_what_openclaw_reads_of_one() -> None:
    check_persona(Persona(soul="x" * LONGEST_FILE))
    check_persona(Persona(soul="🪶" * (LONGEST_FILE // 2)))
    for soul in ("x" * (LONGEST_FILE + 1), "🪶" * (LONGEST_FILE // 2 + 1)):
        with pytest.raises(InvalidFields) as refused:
            check_persona(Persona(soul=soul))
        assert refused.value.codes == {"persona.soul": "too-long"}


@pytest.mark.parametrize(
    "persona",
    [
        Persona(soul="\x00"),
        Persona(soul="\x1b[2J"),
        Persona(soul="\ud800"),
        Persona(name="two\nlines"),
        Persona(name="a\ttab"),
        Persona(name="x" * 201),
        Persona(emoji="not an emoji at all"),
    ],
)
def test_a_persona_with_bytes_that_nobody_sees_is_refused(persona: Persona) -> None:
    with pytest.raises(InvalidFields):
        Equipment().set_persona(persona)
    with pytest.raises(InvalidFields):
        render(replace(FACTS, persona=persona))
