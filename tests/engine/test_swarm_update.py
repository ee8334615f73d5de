"""A bot on a Swarm is changed in its place, and comes back from what does not come up."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.bot_events import Runtime
from domain.containers import Change, ContainerState, Health, SeenContainer
from domain.runs import ROLLED_BACK
from projections.bot_directory import BotRow
from projections.bot_status import BotStatus
from tests.adapters.reconciler.scene import Scene
from tests.engine.given import Folders, until
from tests.engine.images import BOT_IMAGE
from tests.engine.swarm_room import Swarm

pytestmark = pytest.mark.xdist_group("dockerd")

UNWELL = "clawbot/test-unwell:1"
SLOW = "clawbot/test-slow:1"
CHECK = "HEALTHCHECK --interval=200ms --timeout=2s --start-period={} --retries=1"
PATIENCE = {UNWELL: "1ms", SLOW: "600s"}


@pytest.fixture(autouse=True)
def images(swarm: Swarm) -> None:
    """One that is not well, and one that takes ten minutes to say so."""
    with swarm.bots.dockerd.client() as client:
        for image, patience in PATIENCE.items():
            check = CHECK.format(patience)
            said = f'FROM {BOT_IMAGE}\n{check} CMD ["false"]\n'
            client.images.build(fileobj=io.BytesIO(said.encode()), tag=image, rm=True)


@pytest.fixture
def scene(swarm: Swarm) -> Scene:
    return Scene(
        engine=swarm.engine,
        workspaces=Folders(swarm.bots),
        now=datetime.now(UTC),
        image=BOT_IMAGE,
    )


def looked_at(scene: Scene, bot: UUID) -> BotRow:
    """The bot's row, after one more look at it; not more often than need be."""
    time.sleep(0.3)
    scene.now = datetime.now(UTC)
    scene.look_after(bot)
    return scene.row(bot)


def runs(scene: Scene, bot: UUID) -> bool:
    row = looked_at(scene, bot)
    is_well = row.status is BotStatus.RUNNING and row.seen.failure is None
    return is_well and row.seen.generation == scene.bot(bot).generation


def test_what_does_not_come_up_gives_way_to_what_ran_before_until_the_next_change(
    swarm: Swarm, scene: Scene
) -> None:
    bot = scene.create(runtime=Runtime.SWARM)
    scene.ask(bot, lambda state: state.start())
    until(lambda: runs(scene, bot), seconds=60)
    (before,) = swarm.engine.containers()

    scene.configure(bot, UNWELL)
    until(lambda: looked_at(scene, bot).seen.failure is not None, seconds=90)
    until(lambda: looked_at(scene, bot).status is BotStatus.RUNNING)
    assert scene.seen(bot).failure == ROLLED_BACK
    assert "unhealthy" in scene.seen(bot).detail
    (back,) = swarm.engine.containers()
    assert of(back) == of(before)
    assert back.state is ContainerState.RUNNING
    ran = swarm.container(back.container_id)
    assert swarm.bots.inspected(ran)["Config"]["Labels"]["clawbot.image"] == BOT_IMAGE
    version = version_of(swarm, back)
    for _ in range(3):
        assert looked_at(scene, bot).seen.given_up == scene.bot(bot).generation
    assert version_of(swarm, back) == version, "the bad one is not tried again"

    scene.ask(bot, lambda state: state.restart())
    scene.configure(bot, BOT_IMAGE)
    until(lambda: runs(scene, bot), seconds=60)
    (after,) = swarm.engine.containers()
    assert (after.container_id, after.image) == (before.container_id, BOT_IMAGE)
    assert after.generation == scene.bot(bot).generation > before.generation


@pytest.mark.soak
def test_an_update_that_takes_too_long_can_be_taken_back(swarm: Swarm) -> None:
    spec = swarm.bots.spec(image=BOT_IMAGE)
    made = swarm.engine.create(spec)
    swarm.engine.start(made)
    until(lambda: swarm.seen(made).health is Health.HEALTHY, seconds=60)

    swarm.engine.update(made, replace(spec, generation=2, image=SLOW))
    assert swarm.seen(made).change is Change.UNDER_WAY
    until(lambda: swarm.seen(made).generation == 2, seconds=60)
    until(lambda: swarm.seen(made).health is Health.STARTING, seconds=60)
    assert swarm.seen(made).change is Change.UNDER_WAY
    swarm.engine.go_back(made)
    until(lambda: swarm.seen(made).change is Change.WENT_BACK, seconds=60)
    seen = swarm.seen(made)
    assert (seen.changed_to, of(seen)) == (2, (made, 1, BOT_IMAGE))
    assert seen.state is ContainerState.RUNNING


def of(seen: SeenContainer) -> tuple[str, int, str]:
    return seen.container_id, seen.generation, seen.image


def version_of(swarm: Swarm, seen: SeenContainer) -> int:
    with swarm.bots.dockerd.client() as client:
        found = client.api.inspect_service(seen.container_id)
    return int(found["Version"]["Index"])
