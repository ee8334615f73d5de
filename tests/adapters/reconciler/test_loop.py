"""A worker's loop on a real database: on time, several at once, without an engine."""

from __future__ import annotations

import time
from functools import partial
from uuid import UUID

from adapters.reconciler.locks import PostgresBotLocks
from projections.bot_status import BotStatus
from tests.adapters.reconciler.fleet import Fleet, eventually, fleet

RUNNING, UNKNOWN = BotStatus.RUNNING, BotStatus.UNKNOWN


def test_what_was_asked_for_while_no_worker_was_there_is_done_at_its_start(
    database_url: str,
) -> None:
    with fleet(database_url) as scene:
        scene.create(5, started=True)
        with scene.worker():
            eventually(lambda: scene.statuses() == {RUNNING: 5}, 10)


def test_a_bot_that_is_rung_for_does_not_wait_for_the_next_pass(database_url: str) -> None:
    with fleet(database_url) as scene:
        (bot,) = scene.create(1)
        with scene.worker() as loop:
            time.sleep(1)
            scene.start([bot])
            loop.ask(bot)
            eventually(lambda: scene.statuses() == {RUNNING: 1}, 5)


def test_a_container_that_ends_is_noticed_by_the_engines_events_and_started_again(
    database_url: str,
) -> None:
    with fleet(database_url) as scene:
        (bot,) = scene.create(1, started=True)
        with scene.worker():
            eventually(lambda: scene.statuses() == {RUNNING: 1}, 10)
            time.sleep(0.2)  # the second look listens
            scene.engine.crash(bot)
            eventually(lambda: scene.rows()[bot].seen.failures == 1, 5)
            eventually(lambda: scene.statuses() == {RUNNING: 1}, 5)


def test_an_engine_that_goes_away_makes_every_bot_unknown_and_heals_by_itself(
    database_url: str,
) -> None:
    with fleet(database_url) as scene:
        scene.create(20, started=True)
        with scene.worker():
            eventually(lambda: scene.statuses() == {RUNNING: 20}, 10)
            scene.engine.leave()
            eventually(lambda: scene.statuses() == {UNKNOWN: 20}, 30)
            scene.engine.come_back(containers_ended=True)
            eventually(lambda: scene.statuses() == {RUNNING: 20}, 30)
            assert {row.seen.failures for row in scene.rows().values()} == {0}


def test_an_engine_that_hangs_is_noticed_long_before_the_next_pass(
    database_url: str,
) -> None:
    with fleet(database_url) as scene:
        scene.create(3, started=True)
        with scene.worker(pass_seconds=3600):
            eventually(lambda: scene.statuses() == {RUNNING: 3}, 10)
            scene.engine.hangs = 2.0
            eventually(lambda: scene.statuses() == {UNKNOWN: 3}, 30)
            scene.engine.hangs = 0.0
            eventually(lambda: scene.statuses() == {RUNNING: 3}, 30)


def test_several_workers_at_once_never_make_two_containers(database_url: str) -> None:
    with fleet(database_url) as scene:
        bots = scene.create(20)
        with scene.worker() as one, scene.worker() as two:
            for act, wanted in (
                (scene.start, RUNNING),
                (scene.stop, BotStatus.STOPPED),
                (scene.start, RUNNING),
            ):
                act(bots)
                for bot in bots:
                    one.ask(bot)
                    two.ask(bot)
                expected = {wanted: 20}
                eventually(partial(_is, scene, expected), 20)
        for bot in bots:
            assert len(scene.engine.of(bot)) == 1
        # Each of the 20 was made, started, stopped, removed, made and started: once each.
        assert scene.engine.calls == 20 * 6


def _may_hold(locks: PostgresBotLocks, bot: UUID) -> bool:
    with locks.holding(bot) as is_ours:
        return is_ours


def _is(scene: Fleet, expected: dict[BotStatus, int]) -> bool:
    return scene.statuses() == expected


def test_a_lock_is_one_workers_until_it_lets_go_or_is_gone(database_url: str) -> None:
    with fleet(database_url) as scene:
        (bot,) = scene.create(1)
        mine = PostgresBotLocks(database_url, role="clawbot_worker")
        other = PostgresBotLocks(database_url, role="clawbot_worker")
        try:
            with mine.holding(bot) as first:
                with mine.holding(bot) as again, other.holding(bot) as second:
                    assert (first, again, second) == (True, False, False)
                mine.close()  # as if it had been killed
                eventually(partial(_may_hold, other, bot), 5)
            with mine.holding(bot) as first:
                assert first
        finally:
            mine.close()
            other.close()


def test_a_pass_over_a_fleet_of_500_takes_less_than_two_seconds(database_url: str) -> None:
    with fleet(database_url) as scene:
        scene.create_running(500)
        locks = PostgresBotLocks(database_url, role="clawbot_worker")
        worker = scene.reconciler(locks)
        try:
            seconds = []
            for _ in range(3):
                started = time.monotonic()
                look, due = worker.look_at_all()
                for bot_id in due:
                    worker.look_after(bot_id, look)
                seconds.append(time.monotonic() - started)
        finally:
            locks.close()
        assert min(seconds) < 2
        assert scene.engine.calls == 1000  # what was there is left as it was
