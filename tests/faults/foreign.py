"""Containers, networks and volumes of somebody else, which nothing of ours may touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.engine.dockerd import Dockerd
from tests.engine.images import BREAKOUT_IMAGE


@dataclass(frozen=True)
class Foreign:
    """Somebody else's containers on the same engine."""

    before: dict[str, Any]

    def assert_untouched(self, dockerd: Dockerd) -> None:
        assert _inspected(dockerd, self.before) == self.before


def foreign(dockerd: Dockerd) -> Foreign:
    """Some that look like ours: another instance's label, ours' name, none at all."""
    other = {"clawbot.instance": str(uuid4()), "clawbot.bot": str(uuid4())}
    with dockerd.client() as client:
        made = [
            client.containers.create(
                BREAKOUT_IMAGE, ["python3", "-c", ""], name=name, labels=labels
            )
            for name, labels in (
                (f"cbm-{uuid4().hex[:12]}-{uuid4().hex}", other),
                ("somebody-elses", {}),
            )
        ]
        made[1].start()
        made[1].wait()
        ids = {str(one.id): None for one in made}
    return Foreign(_inspected(dockerd, ids))


def _inspected(dockerd: Dockerd, ids: dict[str, Any]) -> dict[str, Any]:
    with dockerd.client() as client:
        found = {one: client.api.inspect_container(one) for one in ids}
    return {one: (a["Name"], a["State"], a["NetworkSettings"]) for one, a in found.items()}
