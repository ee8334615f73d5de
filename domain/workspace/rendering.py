"""The workspace of a bot as a pure function of the facts: same facts, same bytes."""

from __future__ import annotations

from domain.images import ImageFamily
from domain.workspace.facts import WorkspaceFacts
from domain.workspace.openclaw import render_openclaw
from domain.workspace.personas import check_persona
from domain.workspace.plain import render_plain
from domain.workspace.rendered import Rendered


def render(facts: WorkspaceFacts) -> Rendered:
    """Every file that the bot shall have; `InvalidFields` names what cannot be there."""
    check_persona(facts.persona)
    if facts.family is ImageFamily.OPENCLAW:
        return render_openclaw(facts)
    return render_plain(facts)
