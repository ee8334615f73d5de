"""The worker process: killed, stopped and left without its neighbours."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.jobs.broker import broker_of
from adapters.jobs.queue import DramatiqJobQueue
from adapters.settings import Settings
from application.policies import CHECK_PROVIDER_KEY
from domain.ids import ProviderKeyId
from tests.adapters.jobs.given import (
    FINE,
    Fleet,
    control_plane,
    eventually,
    running,
    scripted_proxy,
    settings_of,
)

ORIGIN = "https://api.openai.com:443"
BACK_SECONDS = 10.0  # what a killed worker had in hand is taken up again within


@pytest.fixture(params=["postgres", "rabbitmq"])
def rabbitmq(request: pytest.FixtureRequest) -> str | None:
    """The broker's URL; None for the queue in the database."""
    if request.param == "postgres":
        return None
    url: str = request.getfixturevalue("rabbitmq_url")
    return url


@contextmanager
def instance(
    url: str, folder: Path, proxy_url: str, rabbitmq: str | None
) -> Iterator[tuple[Settings, Fleet]]:
    settings = settings_of(url, folder, proxy_base_url=proxy_url, rabbitmq_url=rabbitmq)
    with control_plane(settings, url) as fleet:
        yield settings, fleet


def ring(settings: Settings, url: str, key_id: ProviderKeyId) -> None:
    over = threading.Event()
    with broker_of(settings, url, role="clawbot_projector", over=over) as broker:
        DramatiqJobQueue(broker).enqueue(CHECK_PROVIDER_KEY, key_id=str(key_id))
        over.set()


def asked(settings: Settings, url: str, fleet: Fleet) -> ProviderKeyId:
    """A key whose check was asked for, and rung for once."""
    key = fleet.add_key(vendor="openai", secret="sk-0123456789", origin=ORIGIN)
    fleet.ask_for_check(key)
    ring(settings, url, key)
    return key


def test_the_job_of_a_killed_worker_is_done_by_another_and_recorded_once(
    database_url: str, tmp_path: Path, rabbitmq: str | None
) -> None:
    with (
        scripted_proxy(FINE, held=True) as proxy,
        instance(database_url, tmp_path, proxy.url, rabbitmq) as (settings, fleet),
    ):
        with running("worker", settings) as worker:
            key = asked(settings, database_url, fleet)
            eventually(lambda: proxy.calls)
            worker.kill()
            worker.wait()
        assert fleet.checks(key) == []
        proxy.holds.set()
        with running("worker", settings):
            began = time.monotonic()
            eventually(lambda: len(proxy.calls) == 2)
            assert time.monotonic() - began < BACK_SECONDS + 5  # its own start
            assert fleet.verdict(key) == "ok"


def test_a_worker_that_is_stopped_finishes_its_job(
    database_url: str, tmp_path: Path, rabbitmq: str | None
) -> None:
    with (
        scripted_proxy(FINE, held=True) as proxy,
        instance(database_url, tmp_path, proxy.url, rabbitmq) as (settings, fleet),
        running("worker", settings) as worker,
    ):
        key = asked(settings, database_url, fleet)
        eventually(lambda: proxy.calls)
        worker.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert worker.poll() is None
        proxy.holds.set()
        assert worker.wait(20) == 0
        assert len(fleet.checks(key)) == 1


def test_a_proxy_that_is_away_is_asked_again_until_it_is_back(
    database_url: str, tmp_path: Path, free_port: int
) -> None:
    away = f"http://127.0.0.1:{free_port}"
    with (
        instance(database_url, tmp_path, away, None) as (settings, fleet),
        running("worker", settings),
    ):
        key = asked(settings, database_url, fleet)
        time.sleep(3)
        assert fleet.checks(key) == []
        with scripted_proxy(FINE, port=free_port):
            assert fleet.verdict(key) == "ok"
