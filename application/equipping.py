"""Equipping a bot with everything at once, for its creation."""

from __future__ import annotations

from domain.bot_equipment import Equipment, changes_equipment
from domain.bot_events import BotEvent


def equipped(now: Equipment, wanted: Equipment) -> list[BotEvent]:
    """What makes the one into the other; refused where it says the same thing twice."""
    events: list[BotEvent] = []

    def add(made: list[BotEvent]) -> None:
        nonlocal now
        for event in made:
            if changes_equipment(event):
                now = now.evolve(event)
        events.extend(made)

    add(now.set_persona(wanted.persona))
    add(now.set_features(wanted.features))
    for install in wanted.plugins:
        add(now.install_plugin(install))
    for skill in wanted.skills:
        add(now.install_skill(skill))
    for channel in wanted.channels:
        add(now.set_channel(channel))
    return events
