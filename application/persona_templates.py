"""Commands about a team's own persona templates; handlers answer the position reached.

`template_of` is how everybody else finds a template, built-in or the team's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from application.bus import Command
from application.event_log import EventLog, Stream
from domain.equipment_catalog import EquipmentCatalog
from domain.errors import NotFound, PreconditionFailed
from domain.ids import TeamId
from domain.persona_templates import OwnTemplate, PersonaShelf, persona_shelf_id


def persona_shelf(event_log: EventLog, team_id: TeamId) -> Stream[PersonaShelf]:
    """The team's own templates as they stand; none, if it never had any."""
    return event_log.look(PersonaShelf(), persona_shelf_id(team_id))


def template_of(
    event_log: EventLog,
    catalog: EquipmentCatalog,
    team_id: TeamId,
    template_id: str,
    language: str = "en",
) -> OwnTemplate:
    """The template, a built-in one in that language (`en`, `zh`); refused if none."""
    built_in = catalog.personas.get(template_id)
    if built_in is None:
        return persona_shelf(event_log, team_id).state.of(template_id).template
    if built_in.offered_only:
        raise NotFound
    key = language if language in built_in.names else "en"
    return OwnTemplate(
        name=built_in.names[key],
        emoji=built_in.emoji,
        category=built_in.category,
        tagline=built_in.taglines[key],
        soul=built_in.souls[key],
        copied_from=built_in.id,
    )


@dataclass(frozen=True, kw_only=True)
class AddTemplate(Command[int]):
    team_id: TeamId
    id: UUID
    template: OwnTemplate


def add_template(command: AddTemplate, *, event_log: EventLog) -> int:
    shelf = persona_shelf(event_log, command.team_id)
    added = shelf.state.add(command.team_id, command.id, command.template)
    return event_log.append(shelf, added)


@dataclass(frozen=True, kw_only=True)
class ChangeTemplate(Command[int]):
    """The version is the template's."""

    team_id: TeamId
    id: str
    template: OwnTemplate
    expected_version: int | None


def change_template(command: ChangeTemplate, *, event_log: EventLog) -> int:
    shelf = persona_shelf(event_log, command.team_id)
    _expect(shelf.state, command.id, command.expected_version)
    changed = shelf.state.change(command.team_id, command.id, command.template)
    return event_log.append(shelf, changed)


@dataclass(frozen=True, kw_only=True)
class RemoveTemplate(Command[int]):
    team_id: TeamId
    id: str
    expected_version: int | None


def remove_template(command: RemoveTemplate, *, event_log: EventLog) -> int:
    shelf = persona_shelf(event_log, command.team_id)
    _expect(shelf.state, command.id, command.expected_version)
    return event_log.append(shelf, shelf.state.remove(command.team_id, command.id))


def _expect(shelf: PersonaShelf, template_id: str, version: int | None) -> None:
    if version is not None and version != shelf.of(template_id).version:
        raise PreconditionFailed
