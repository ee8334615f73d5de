"""Skills as `SKILL.md`, of every kind, and what is no skill."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml

from domain.errors import InvalidFields
from domain.skill_content import SkillDefinition, SkillFile, SkillKind
from domain.workspace.facts import SkillContent
from domain.workspace.rendering import render
from domain.workspace.skills import skill_files, skill_text
from tests.domain.workspace.scene import FACTS, SKILL, codes, config, content


def skill(
    kind: str, definition: Any, *files: tuple[str, str], **others: str
) -> SkillContent:
    text = definition if isinstance(definition, str) else json.dumps(definition)
    beside = tuple(SkillFile(path=path, base64=content) for path, content in files)
    content = SkillDefinition(kind=SkillKind(kind), definition=text, files=beside)
    return SkillContent(name="it", content=content, **others)


def frontmatter(text: str) -> Any:
    _, head, _ = text.split("---\n", 2)
    return yaml.safe_load(head)


def test_a_skill_is_a_folder_with_its_name_in_the_config() -> None:
    text = content(render(FACTS), "skills/release-notes/SKILL.md")
    assert frontmatter(text) == {
        "name": "release-notes",
        "description": "How this team writes release notes",
    }
    assert "List {{what}}." in text
    assert "- what" in text


def test_a_tool_says_what_it_takes_and_how_it_is_done() -> None:
    text = skill_text(
        skill(
            "tool",
            {
                "name": "convert",
                "description": "Converts money.",
                "inputSchema": {"type": "object"},
                "handler": "Ask the bank.",
            },
        )
    )
    assert "The tool is called `convert`." in text
    assert '```json\n{\n "type": "object"\n}\n```' in text
    assert text.endswith("Ask the bank.")
    assert frontmatter(text)["description"] == "Converts money."


def test_a_workflow_is_its_steps_in_order() -> None:
    text = skill_text(
        skill(
            "workflow",
            {
                "triggers": ["a new issue"],
                "entryPoint": "read",
                "steps": [
                    {"id": "read", "type": "tool", "tool": "fetch"},
                    {"id": "judge", "type": "condition", "if": {"open": True}},
                ],
            },
        )
    )
    assert "- a new issue" in text
    assert "Begin with `read`." in text
    assert "1. **read** (type: tool; tool: fetch)" in text
    assert '2. **judge** (type: condition; if: {"open": true})' in text


def test_a_skill_that_came_as_markdown_gets_our_frontmatter() -> None:
    came = "---\nname: other\nmetadata: {a: b}\n---\nDo *this*.\n\n---\nAnd that.\n"
    text = skill_text(skill("markdown", came, description="About"))
    assert frontmatter(text) == {"name": "it", "description": "About"}
    assert text.count("name: other") == 0
    assert "Do *this*.\n\n---\nAnd that." in text


@pytest.mark.parametrize(
    "about", ['"quoted"', "a: b # c", "🪶 小", "two\nlines", "- x", "\\n", "x" * 400, "{a}"]
)
def test_any_description_is_one_line_of_yaml(about: str) -> None:
    text = skill_text(skill("markdown", "x", description=about))
    assert frontmatter(text)["description"] == " ".join(about.split())[:159]


def test_settings_are_shown_in_a_fence_that_they_cannot_close() -> None:
    text = skill_text(skill("markdown", "x", config=json.dumps({"a": "```\n````\nb"})))
    assert "`````json\n" in text
    assert text.endswith("\n`````")


@pytest.mark.parametrize(
    ("kind", "definition"),
    [
        ("tool", {"description": "x"}),
        ("tool", {"name": 1, "description": "x"}),
        ("prompt", {}),
        ("prompt", {"template": "x", "variables": "x"}),
        ("workflow", {"steps": []}),
        ("workflow", {}),
        ("prompt", "[]"),
        ("prompt", "no json"),
        ("prompt", {"template": "\x1b[31m"}),
        ("markdown", "nul \x00"),
        ("markdown", "x" * 60_001),
        ("prompt", "[" * 40_000),
        ("prompt", '{"template": "x", "a":' + "[" * 40 + "]" * 40 + "}"),
    ],
)
def test_what_is_not_of_its_kind_is_refused(kind: str, definition: Any) -> None:
    with pytest.raises(InvalidFields):
        skill_text(skill(kind, definition))


@pytest.mark.parametrize(
    "name", ["..", "../x", "a/b", "A", "", ".a", "a b", "a\n", "-a", "a--b", "é", "a" * 65]
)
def test_a_skill_whose_name_escapes_is_refused(name: str) -> None:
    with pytest.raises(InvalidFields):
        skill_files((replace(SKILL, name=name),))


def test_two_skills_do_not_share_a_folder() -> None:
    with pytest.raises(InvalidFields):
        skill_files((SKILL, SKILL))


def test_files_beside_a_skill_lie_in_its_folder() -> None:
    it = skill("markdown", "Run it.", ("scripts/run.sh", "aGk="), ("data.json", "e30="))
    assert [(file.path, file.mode) for file in skill_files((it,))] == [
        ("skills/it/SKILL.md", 0o644),
        ("skills/it/scripts/run.sh", 0o644),
        ("skills/it/data.json", 0o644),
    ]
    assert skill_files((it,))[1].content == b"hi"


@pytest.mark.parametrize(
    "path",
    [
        "SKILL.md",
        "skill.MD",
        "../up",
        "/abs",
        "a//b",
        "",
        ".",
        "a/./b",
        "a\0",
        "SKILL.md/a",
    ],
)
def test_a_file_beside_a_skill_cannot_be_anywhere_else(path: str) -> None:
    with pytest.raises(InvalidFields):
        skill_files((skill("markdown", "x", (path, "aGk=")),))


def test_a_recalled_skill_is_not_there_and_said_to_be_gone() -> None:
    rendered = render(replace(FACTS, skills=(replace(SKILL, content=None),)))
    assert not [file for file in rendered.files if file.path.startswith("skills/")]
    assert config(rendered)["agents"]["entries"]["main"]["skills"] == []
    assert codes(rendered) == ["skill-recalled"]
