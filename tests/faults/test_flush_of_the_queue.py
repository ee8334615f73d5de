"""The queue is away while people start their bots: all of them run soon after it is back.

The loop's own passes are switched off here, so that nothing but the queue brings the news.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from dramatiq import Worker

from adapters.bootstrap.followers import event_logs
from adapters.catalog.loader import load_catalog
from adapters.follower import PolicyFollower, Reader
from adapters.following import follow
from adapters.jobs.actors import KeyChecks, declare
from adapters.jobs.broker import broker_of
from adapters.jobs.queue import DramatiqJobQueue
from adapters.key_check import KeyCheckClient
from adapters.parking import parking_in
from adapters.postgres.view_positions import PostgresPositions
from adapters.reconciler.loop import ReconcilerLoop
from adapters.settings import Settings
from application.bus import Bus
from application.looking_after import LookAfterBots
from domain.log import FLEET
from projections.bot_status import BotStatus
from tests.adapters.jobs.given import settings_of
from tests.adapters.reconciler.fleet import Fleet, eventually, fleet
from tests.faults.gate import Gate
from tests.faults.reckoning import tell
from tests.projections.given_logs import database

NEVER = 3600.0
MOST_SECONDS = 60


@pytest.mark.parametrize(
    "count", [50, pytest.param(500, marks=[pytest.mark.soak, pytest.mark.timeout(600)])]
)
def test_what_was_asked_for_while_the_queue_was_away_is_carried_out_within_a_minute(
    database_url: str,
    rabbitmq_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    count: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    behind = urlsplit(rabbitmq_url)
    gate = Gate(behind.hostname or "127.0.0.1", behind.port or 5672)
    through = behind._replace(netloc=_at(behind.netloc, gate.port)).geturl()
    folder = tmp_path_factory.mktemp("queue")
    settings = settings_of(database_url, folder, rabbitmq_url=through)
    try:
        with (
            fleet(database_url) as scene,
            scene.worker(pass_seconds=NEVER) as loop,
            _ringing(scene, settings),
            _jobs(scene, settings, loop) as rung,
        ):
            bots = scene.create(count)
            eventually(lambda: rung >= set(bots), MOST_SECONDS)  # for their creation
            time.sleep(1)
            gate.shut()
            scene.start(bots)
            time.sleep(3)
            assert BotStatus.RUNNING not in scene.statuses()
            gate.open()
            took = eventually(
                lambda: scene.statuses() == {BotStatus.RUNNING: count}, MOST_SECONDS
            )
    finally:
        gate.shut()
    with capsys.disabled():  # `make soak` shows it
        tell(f"{count} commands carried out {took:.1f} s after the queue was back")


@contextmanager
def _ringing(scene: Fleet, settings: Settings) -> Iterator[None]:
    """The projector's policy that rings for bots."""
    over = threading.Event()
    with ExitStack() as stack:
        role = "clawbot_projector"
        opened = stack.enter_context(database(scene.url, role))
        broker = stack.enter_context(broker_of(settings, scene.url, role=role, over=over))
        policy = LookAfterBots(DramatiqJobQueue(broker))
        follower = PolicyFollower(policy, PostgresPositions(opened))
        reader = Reader(event_logs(opened)[FLEET])
        thread = threading.Thread(
            target=follow,
            args=(follower, {FLEET: reader}, parking_in(opened)),
            kwargs={"wake": threading.Event(), "stop": over, "poll_seconds": 0.5},
        )
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@contextmanager
def _jobs(scene: Fleet, settings: Settings, loop: ReconcilerLoop) -> Iterator[set[UUID]]:
    """The worker's jobs: which bots it was rung for."""
    over, rung = threading.Event(), set[UUID]()

    def look_after(bot_id: UUID) -> None:
        rung.add(bot_id)
        loop.ask(bot_id)

    with ExitStack() as stack:
        proxy = KeyCheckClient("http://127.0.0.1:9", b"k" * 32)
        stack.callback(proxy.close)
        broker = stack.enter_context(
            broker_of(settings, scene.url, role="clawbot_worker", over=over)
        )
        bus = Bus(scene.worker_database.unit_of_work)
        checks = KeyChecks(
            event_log=scene.log, bus=bus, catalog=load_catalog(), proxy=proxy
        )
        declare(broker, key_checks=checks, look_after=look_after, post_to=lambda _: None)
        worker = Worker(broker, worker_threads=4)
        worker.start()
        try:
            yield rung
        finally:
            over.set()
            worker.stop(timeout=10_000)


def _at(netloc: str, port: int) -> str:
    user, at, _ = netloc.rpartition("@")
    return f"{user}{at}127.0.0.1:{port}"
