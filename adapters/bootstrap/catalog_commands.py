"""Who handles the commands about plugins, persona templates and skills."""

from __future__ import annotations

from functools import partial

from adapters.catalog.equipment_catalog import load_equipment_catalog
from application import persona_templates, plugins, skills
from application.bus import Bus
from application.event_log import EventLog


def register_catalogs(bus: Bus, event_log: EventLog) -> None:
    """The bus knows them from now on."""
    catalog = load_equipment_catalog()
    add = partial(plugins.add_plugin, event_log=event_log, catalog=catalog)
    bus.register(plugins.AddPlugin, add)
    bus.register(plugins.ChangePlugin, partial(plugins.change_plugin, event_log=event_log))
    bus.register(plugins.RemovePlugin, partial(plugins.remove_plugin, event_log=event_log))
    bus.register(
        persona_templates.AddTemplate,
        partial(persona_templates.add_template, event_log=event_log),
    )
    bus.register(
        persona_templates.ChangeTemplate,
        partial(persona_templates.change_template, event_log=event_log),
    )
    bus.register(
        persona_templates.RemoveTemplate,
        partial(persona_templates.remove_template, event_log=event_log),
    )
    bus.register(skills.AddSkill, partial(skills.add_skill, event_log=event_log))
    bus.register(skills.ChangeSkill, partial(skills.change_skill, event_log=event_log))
    bus.register(skills.RemoveSkill, partial(skills.remove_skill, event_log=event_log))
    bus.register(skills.ApproveSkill, partial(skills.approve_skill, event_log=event_log))
    bus.register(skills.RecallSkill, partial(skills.recall_skill, event_log=event_log))
    bus.register(skills.SyncSkills, partial(skills.sync_skills, event_log=event_log))
    bus.register(skills.TakeContent, partial(skills.take_content, event_log=event_log))
