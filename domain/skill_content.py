"""What a skill says: a tool, a prompt, a workflow, or a folder with a `SKILL.md`.

Content is kept under its own SHA-256, so that what was approved, what is installed and what
is recalled are the same bytes or not the same thing.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from domain.errors import AlreadyExists, InvalidFields
from domain.events import Event
from domain.ids import TeamId

_CONTENTS = UUID("b3b7f1f0-58c7-5a53-8a14-6a3a4b2d7c90")
LONGEST_DEFINITION = 60_000
DEEPEST = 16
MOST_PARTS = 100  # variables of a prompt, steps of a workflow
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
STEPS = frozenset({"tool", "prompt", "condition", "loop"})


class SkillKind(StrEnum):
    """What a definition is."""

    TOOL = "tool"  # {name, description, inputSchema, handler}
    PROMPT = "prompt"  # {template, variables[]}
    WORKFLOW = "workflow"  # {steps[], triggers[], entryPoint}
    MARKDOWN = "markdown"  # the text of a SKILL.md


@dataclass(frozen=True, kw_only=True)
class SkillFile:
    """A file beside a SKILL.md: data, never started by us."""

    path: str  # below the skill's folder
    base64: str

    @property
    def content(self) -> bytes:
        return b64decode(self.base64)


@dataclass(frozen=True, kw_only=True)
class SkillDefinition:
    """All that a skill says."""

    kind: SkillKind
    definition: str  # JSON object, keys sorted; of MARKDOWN, the text
    files: tuple[SkillFile, ...] = ()  # sorted by path

    @property
    def content_hash(self) -> str:
        """SHA-256 in hexadecimal of all of it, so that no two ways of saying it collide."""
        parts = [str(self.kind), self.definition, *_flat(self.files)]
        text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _flat(files: tuple[SkillFile, ...]) -> Iterator[str]:
    for one in files:
        yield one.path
        yield hashlib.sha256(one.content).hexdigest()


def content_id(team_id: TeamId, content_hash: str) -> UUID:
    """The stream that keeps the content for the team."""
    return uuid5(_CONTENTS, f"{team_id} {content_hash}")


@dataclass(frozen=True, kw_only=True)
class SkillContentKept(Event, topic="skill_content.kept"):
    team_id: TeamId
    content_hash: str
    content: SkillDefinition


@dataclass(frozen=True, kw_only=True)
class KeptContent:
    """The content of one hash: there, or not yet."""

    content: SkillDefinition | None = None

    def keep(self, team_id: TeamId, content: SkillDefinition) -> list[SkillContentKept]:
        """It is kept from now on; what is there already stays as it is."""
        if self.content == content:
            return []
        if self.content is not None:  # as likely as a collision of SHA-256
            raise AlreadyExists
        return [
            SkillContentKept(
                team_id=team_id, content_hash=content.content_hash, content=content
            )
        ]

    def evolve(self, event: SkillContentKept) -> KeptContent:
        return KeptContent(content=event.content)


def definition_of(kind: SkillKind, given: Mapping[str, Any] | str) -> SkillDefinition:
    """The definition in its one spelling; `InvalidFields` if it is none of that kind."""
    if kind is SkillKind.MARKDOWN:
        if not isinstance(given, str) or not given.strip():
            raise InvalidFields(definition="missing")
        return SkillDefinition(kind=kind, definition=_checked_text(given))
    if isinstance(given, str):
        raise InvalidFields(definition="not-an-object")
    wrong = dict(_WRONG[kind](given))
    if wrong:
        raise InvalidFields(**{f"definition.{key}": code for key, code in wrong.items()})
    _check_depth(given, DEEPEST)
    text = json.dumps(given, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return SkillDefinition(kind=kind, definition=_checked_text(text))


def _checked_text(text: str) -> str:
    if len(text) > LONGEST_DEFINITION:
        raise InvalidFields(definition="too-long")
    if _FORBIDDEN.search(text):
        raise InvalidFields(definition="control-characters")
    return text


def _check_depth(value: object, levels: int) -> None:
    if levels == 0:
        raise InvalidFields(definition="too-deep")
    if isinstance(value, str):
        _checked_text(value)
    elif isinstance(value, Mapping):
        for name, member in value.items():
            _checked_text(name)
            _check_depth(member, levels - 1)
    elif isinstance(value, list):
        for one in value:
            _check_depth(one, levels - 1)


def _wrong_tool(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _unknown(given, "name", "description", "inputSchema", "handler")
    name = given.get("name")
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        yield "name", "not-a-name"
    if not _is_text(given.get("description")):
        yield "description", "missing"
    schema = given.get("inputSchema", {"type": "object"})
    if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":
        yield "inputSchema", "not-an-object-schema"
    if not isinstance(given.get("handler", ""), str | Mapping):
        yield "handler", "wrong-type"


def _wrong_prompt(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _unknown(given, "template", "variables", "description")
    if not _is_text(given.get("template")):
        yield "template", "missing"
    variables = given.get("variables", [])
    if not isinstance(variables, list) or len(variables) > MOST_PARTS:
        yield "variables", "not-a-list"
        return
    for place, one in enumerate(variables):
        name = one.get("name") if isinstance(one, Mapping) else one
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            yield f"variables.{place}", "not-a-name"


def _wrong_workflow(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _unknown(given, "steps", "triggers", "entryPoint", "description")
    steps = given.get("steps")
    if not isinstance(steps, list) or not 0 < len(steps) <= MOST_PARTS:
        yield "steps", "not-a-list"
        return
    ids: set[str] = set()
    for place, step in enumerate(steps):
        if not isinstance(step, Mapping) or step.get("type") not in STEPS:
            yield f"steps.{place}.type", "unknown-step"
            continue
        name = step.get("id", step.get("name"))
        if name is None:
            continue
        if not isinstance(name, str) or not name or name in ids:
            yield f"steps.{place}.id", "not-an-id"
        else:
            ids.add(name)
    if not isinstance(given.get("triggers", []), list):
        yield "triggers", "not-a-list"
    entry = given.get("entryPoint")
    if entry is not None and (not isinstance(entry, str) or entry not in ids):
        yield "entryPoint", "no-such-step"


def _unknown(given: Mapping[str, Any], *names: str) -> Iterator[tuple[str, str]]:
    for name in given:
        if name not in names:
            yield name[:64], "unknown-field"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


_WRONG = {
    SkillKind.TOOL: _wrong_tool,
    SkillKind.PROMPT: _wrong_prompt,
    SkillKind.WORKFLOW: _wrong_workflow,
}
