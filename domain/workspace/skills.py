"""Skills as OpenClaw reads them: a folder with `SKILL.md`, frontmatter and Markdown.

A definition is of one of three kinds - a tool, a prompt, a workflow - or it is a `SKILL.md`
already, with files beside it that nobody starts. An agent has no such thing as a tool that
is declared in a skill: what it can do with one is read how it is called, and call it with
what it has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from domain.errors import InvalidFields
from domain.skill_content import SkillKind
from domain.workspace.facts import SkillContent
from domain.workspace.rendered import Area, RenderedFile, text_file
from domain.workspace.texts import (
    LONGEST_SKILL,
    check_name,
    check_text,
    json_object,
)

LONGEST_DESCRIPTION = 159
SKILL_FILE = "SKILL.md"
_PART = re.compile(r"(?!\.{1,2}$)[^/\x00-\x1f\x7f\ud800-\udfff]{1,100}")
_TICKS = re.compile("`{3,}")


def skill_files(skills: tuple[SkillContent, ...]) -> list[RenderedFile]:
    """The folder of each, by name; refused if two would share one."""
    names = [skill.name for skill in skills]
    if len(set(names)) < len(names):
        raise InvalidFields(skills="twice")
    there = sorted(held(skills), key=lambda skill: skill.name)
    return [file for skill in there for file in _folder(skill)]


def held(skills: tuple[SkillContent, ...]) -> list[SkillContent]:
    """Those that were not recalled."""
    return [skill for skill in skills if skill.content is not None]


def _folder(skill: SkillContent) -> Iterator[RenderedFile]:
    base = f"skills/{check_name('skill.name', skill.name)}"
    yield text_file(Area.CONFIG, f"{base}/{SKILL_FILE}", skill_text(skill))
    beside = skill.content.files if skill.content else ()
    paths = [SKILL_FILE, *(file.path for file in beside)]
    folders = {f"{parent}" for path in paths for parent in PurePosixPath(path).parents}
    if len({path.casefold() for path in paths}) < len(paths) or folders & set(paths):
        raise InvalidFields(**{"skill.files": "twice"})
    for file in beside:
        if not all(_PART.fullmatch(part) for part in file.path.split("/")):
            raise InvalidFields(**{"skill.files": "not-a-path"})
        yield RenderedFile(
            area=Area.CONFIG, path=f"{base}/{file.path}", content=file.content
        )


def skill_text(skill: SkillContent) -> str:
    """The whole `SKILL.md`; `InvalidFields` if the definition is not of its kind."""
    if skill.content is None:
        raise InvalidFields(skill="recalled")
    kind, text = skill.content.kind, skill.content.definition
    if kind is SkillKind.MARKDOWN:
        about, body = skill.description, _without_frontmatter(text)
    else:
        definition = json_object("skill.definition", text)
        about = skill.description or _line_of(definition.get("description", ""))
        body = "\n".join(_BODIES[kind](definition))
    config = json_object("skill.config", skill.config)
    parts = [_frontmatter(skill.name, about), f"# {skill.name}", body.strip("\n")]
    if config:
        parts.append("## Settings\n\n" + _fenced(config))
    return check_text("skill.definition", "\n\n".join(parts), longest=2 * LONGEST_SKILL)


def _frontmatter(name: str, about: str) -> str:
    """The description as a JSON string, which is one of YAML too."""
    line = _line_of(check_text("skill.description", about)) or f"The skill {name}"
    quoted = json.dumps(line[:LONGEST_DESCRIPTION].rstrip(), ensure_ascii=False)
    return f"---\nname: {name}\ndescription: {quoted}\n---"


def _without_frontmatter(text: str) -> str:
    """The Markdown below frontmatter that came with it: ours takes its place."""
    plain = check_text("skill.definition", text, longest=LONGEST_SKILL)
    if not plain.startswith("---\n"):
        return plain
    head, closed, body = plain[4:].partition("\n---\n")
    return body if closed and head else plain


def _tool(definition: dict[str, Any]) -> Iterator[str]:
    yield _text(definition, "description")
    yield f"\nThe tool is called `{_line_of(_text(definition, 'name'))}`."
    schema = definition.get("inputSchema", definition.get("input_schema", {}))
    if schema:
        yield f"\n## Input\n\n{_fenced(schema)}"
    if handler := definition.get("handler"):
        yield f"\n## How it is done\n\n{_shown(handler)}"


def _prompt(definition: dict[str, Any]) -> Iterator[str]:
    if about := definition.get("description"):
        yield f"{_shown(about)}\n"
    variables = _list(definition, "variables")
    if variables:
        yield "Ask for, or find out, what each of these stands for:\n"
        yield from (f"- {_item(variable)}" for variable in variables)
        yield ""
    yield f"Then do as this says:\n\n{_text(definition, 'template')}"


def _workflow(definition: dict[str, Any]) -> Iterator[str]:
    if about := definition.get("description"):
        yield f"{_shown(about)}\n"
    triggers = _list(definition, "triggers")
    if triggers:
        yield "Do this when:\n"
        yield from (f"- {_item(trigger)}" for trigger in triggers)
        yield ""
    if entry := definition.get("entryPoint", definition.get("entry_point")):
        yield f"Begin with `{_line_of(_shown(entry))}`.\n"
    steps = _list(definition, "steps")
    if not steps:
        raise InvalidFields(**{"skill.definition": "no-steps"})
    yield "## Steps\n"
    for number, step in enumerate(steps, start=1):
        yield f"{number}. {_item(step)}"


_BODIES = {
    SkillKind.TOOL: _tool,
    SkillKind.PROMPT: _prompt,
    SkillKind.WORKFLOW: _workflow,
}


def _item(value: Any) -> str:
    """One line of a list: what has a name or id by that, its fields behind it."""
    if not isinstance(value, dict):
        return _line_of(_shown(value))
    name = value.get("name") or value.get("id") or value.get("type") or "step"
    others = [
        f"{field}: {_line_of(_shown(member))}"
        for field, member in value.items()
        if member != name and member not in (None, "", [], {})
    ]
    named = f"**{_line_of(_shown(name))}**"
    return f"{named} ({'; '.join(others)})" if others else named


def _text(definition: dict[str, Any], field: str) -> str:
    value = definition.get(field)
    if not isinstance(value, str) or not value.strip():
        raise InvalidFields(**{f"skill.definition.{field}": "missing"})
    return value


def _list(definition: dict[str, Any], field: str) -> list[Any]:
    value = definition.get(field, [])
    if not isinstance(value, list):
        raise InvalidFields(**{f"skill.definition.{field}": "not-a-list"})
    return value


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _line_of(value: Any) -> str:
    return " ".join(_shown(value).split())


def _fenced(value: Any) -> str:
    """A block of JSON, in a fence that nothing inside can close."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    longest = max((len(found) for found in _TICKS.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}json\n{text}\n{fence}"
