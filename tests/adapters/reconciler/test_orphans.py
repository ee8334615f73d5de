"""What belongs to no bot is found and, if asked for, removed; and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from adapters.memory_engine import Fault
from adapters.reconciler.roll import DirectoryRoll
from application.engines import EngineUnavailable, Orphan
from application.orphans import Orphans
from domain.bots import Bot
from domain.errors import NotFound
from tests.adapters.reconciler.scene import START, Scene


@pytest.fixture
def scene() -> Scene:
    return Scene()


def orphans_of(scene: Scene) -> Orphans:
    return Orphans(
        engine=scene.engine,
        workspaces=scene.workspaces,
        roll=DirectoryRoll(scene.directory.rows.values, "docker"),
        event_log=scene.log,
    )


def stray(scene: Scene) -> str:
    """A container with our label of a bot that nobody knows."""
    (container,) = scene.engine.of(scene.running())
    made = START - timedelta(days=1)
    lost = replace(container, container_id="lost", bot_id=uuid4(), created_at=made)
    scene.engine.put(lost)
    return lost.container_id


def test_containers_networks_volumes_and_folders_of_nobody_are_orphans(
    scene: Scene,
) -> None:
    lost = stray(scene)
    network = Orphan(
        kind="network", id="n", name="n", bot_id=uuid4(), created_at=None, size_bytes=None
    )
    scene.engine.leftovers.append(network)
    folder = uuid4()
    scene.workspaces.prepare(folder, Bot(), "cbt_x")
    found = orphans_of(scene).find()
    assert [(one.kind, one.id) for one in found] == [
        ("container", lost),
        ("network", "n"),
        ("workspace", str(folder)),
    ]


def test_a_dry_run_removes_nothing_a_clean_up_all_of_it(scene: Scene) -> None:
    lost, orphans = stray(scene), orphans_of(scene)
    assert [one.id for one in orphans.clean_up()] == [lost]
    assert lost in scene.engine.containers_by_id
    assert [one.id for one in orphans.clean_up(dry_run=False)] == [lost]
    assert lost not in scene.engine.containers_by_id
    assert len(scene.engine.containers_by_id) == 1
    assert orphans.find() == []


def test_a_bot_that_the_directory_does_not_show_yet_has_no_orphans(scene: Scene) -> None:
    bot = scene.create()
    scene.ask(bot, lambda bot: bot.start())
    for _ in range(3):
        scene.look_after(bot)
    assert scene.directory.rows == {}
    assert scene.ids(bot) != []
    assert orphans_of(scene).find() == []


def test_the_folders_of_a_deleted_bot_are_an_orphan_its_memory_is_not_lost_unasked(
    scene: Scene,
) -> None:
    bot = scene.running()
    scene.ask(bot, lambda bot: bot.delete())
    scene.settle()
    (orphan,) = orphans_of(scene).find()
    assert (orphan.kind, orphan.bot_id) == ("workspace", bot)
    orphans_of(scene).clean_up(dry_run=False)
    assert scene.workspaces.prepared == {}


def test_what_went_by_itself_is_not_counted_and_an_engine_that_is_away_is_told(
    scene: Scene,
) -> None:
    stray(scene)
    scene.engine.faults.append(Fault(NotFound()))
    assert orphans_of(scene).clean_up(dry_run=False) == []
    scene.engine.leave()
    with pytest.raises(EngineUnavailable):
        orphans_of(scene).find()
