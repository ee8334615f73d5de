"""What is ours on an engine: a bot's container, or its service on a Swarm.

Whatever is touched by its id is looked at first, so that nothing foreign is ever changed,
stopped or removed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from adapters.docker.failures import asked
from adapters.docker.naming import GENERATION, Naming, bot_of
from application.engines import CannotRun
from domain.containers import ContainerSpec
from domain.errors import NotFound

Inspected = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Ours:
    """The things of one kind that one instance has on an engine, one for each bot."""

    kind: str
    naming: Naming
    inspect: Callable[[str], Inspected]  # by id or name, as the SDK does it
    labels: Callable[[Inspected], Mapping[str, str] | None]
    id_field: str

    def own(self, thing_id: str) -> Inspected:
        """What the engine knows of it; `NotFound` if it is gone or not ours."""
        with asked():
            found = self.inspect(thing_id)
        if not self.naming.is_ours(self.labels(found)):
            raise NotFound
        return found

    def bot(self, found: Inspected) -> UUID:
        """The bot of one of ours; `NotFound` if the label names none."""
        bot_id = bot_of(self.labels(found))
        if bot_id is None:
            raise NotFound
        return bot_id

    def named(self, spec: ContainerSpec) -> str | None:
        """The id of the bot's of this generation; `CannotRun` if there is another."""
        name = self.naming.container(spec.bot_id)
        try:
            with asked():
                found = self.inspect(name)
        except NotFound:
            return None
        labels = self.labels(found) or {}
        is_it = self.naming.is_ours(labels) and labels.get(GENERATION) == str(
            spec.generation
        )
        if not is_it:
            raise CannotRun("name-taken", f"there is another {self.kind} {name}")
        return str(found[self.id_field])
