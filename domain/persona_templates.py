"""A team's own persona templates: who its bots may be. One stream for each team.

A bot that was made from a template keeps its words: changing the template changes no bot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID, uuid5

from domain.errors import Conflict, InvalidFields, NotFound
from domain.events import Event
from domain.ids import TeamId

_SHELVES = UUID("5f5d9f6a-2a67-5d0e-9d7b-6b8f0a4c3e21")
MOST_TEMPLATES = 100
LONGEST_NAME = 80
LONGEST_TAGLINE = 500
LONGEST_EMOJI = 10
LONGEST_SOUL = 20_000  # what a bot reads of one file
# Halves of pairs, control characters, and marks that turn a line of text around.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def persona_shelf_id(team_id: TeamId) -> UUID:
    """The stream of the team's templates."""
    return uuid5(_SHELVES, str(team_id))


@dataclass(frozen=True, kw_only=True)
class OwnTemplate:
    """A persona in the team's words."""

    name: str
    emoji: str = ""
    category: str = "general"
    tagline: str = ""
    soul: str = ""  # Markdown
    copied_from: str = ""  # the id of the template that it was made from


@dataclass(frozen=True, kw_only=True)
class TemplateSet(Event, topic="persona_shelf.template_set"):
    """The template of that id is so from now on."""

    team_id: TeamId
    id: UUID
    template: OwnTemplate


@dataclass(frozen=True, kw_only=True)
class TemplateRemoved(Event, topic="persona_shelf.template_removed"):
    team_id: TeamId
    id: UUID


PersonaShelfEvent = TemplateSet | TemplateRemoved


class TooManyTemplates(Conflict):
    """A team has at most 100 persona templates of its own."""

    code = "too-many-templates"


@dataclass(frozen=True, kw_only=True)
class KeptTemplate:
    """A template, and the version of the stream in which it became so."""

    id: UUID
    template: OwnTemplate
    version: int


@dataclass(frozen=True, kw_only=True)
class PersonaShelf:
    """All of a team's own templates."""

    version: int = 0
    templates: tuple[KeptTemplate, ...] = ()

    def of(self, template_id: str) -> KeptTemplate:
        """That template; refused if there is none."""
        for one in self.templates:
            if str(one.id) == template_id:
                return one
        raise NotFound

    def add(
        self, team_id: TeamId, new_id: UUID, template: OwnTemplate
    ) -> list[PersonaShelfEvent]:
        """A new template; refused if it is too long or holds what no text may."""
        if len(self.templates) >= MOST_TEMPLATES:
            raise TooManyTemplates
        check_template(template)
        return [TemplateSet(team_id=team_id, id=new_id, template=template)]

    def change(
        self, team_id: TeamId, template_id: str, template: OwnTemplate
    ) -> list[PersonaShelfEvent]:
        """The template is so from now on; where it came from stands."""
        now = self.of(template_id)
        wanted = replace(template, copied_from=now.template.copied_from)
        if now.template == wanted:
            return []
        check_template(wanted)
        return [TemplateSet(team_id=team_id, id=now.id, template=wanted)]

    def remove(self, team_id: TeamId, template_id: str) -> list[PersonaShelfEvent]:
        """Take the template away."""
        return [TemplateRemoved(team_id=team_id, id=self.of(template_id).id)]

    def evolve(self, event: PersonaShelfEvent) -> PersonaShelf:
        version = self.version + 1
        others = tuple(one for one in self.templates if one.id != event.id)
        match event:
            case TemplateSet(id=template_id, template=template):
                kept = KeptTemplate(id=template_id, template=template, version=version)
                return replace(self, version=version, templates=(*others, kept))
            case TemplateRemoved():
                return replace(self, version=version, templates=others)
            case _:
                assert_never(event)


def check_template(template: OwnTemplate) -> None:
    """`InvalidFields` names each text that is too long or holds what no text may."""
    longest = {
        "name": LONGEST_NAME,
        "emoji": LONGEST_EMOJI,
        "tagline": LONGEST_TAGLINE,
        "soul": LONGEST_SOUL,
    }
    wrong = {}
    for field, most in longest.items():
        text: str = getattr(template, field)
        if len(text.encode("utf-16-le", "surrogatepass")) // 2 > most:
            wrong[field] = "too-long"
        elif _FORBIDDEN.search(text) or (field != "soul" and "\n" in text):
            wrong[field] = "control-characters"
    if not template.name.strip():
        wrong["name"] = "missing"
    if wrong:
        raise InvalidFields(**wrong)
