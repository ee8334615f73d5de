"""What one proxy finds out of a key all of them know: through log, policy and log again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from adapters.key_check import KeyCheckClient
from adapters.projector import project
from adapters.settings import Settings
from application.keys import RotateProviderKey
from application.ports import Found, Secret
from domain.calls import CallSettled
from domain.events import Event
from domain.ids import ProviderKeyId
from domain.keys import (
    KeyStatus,
    ProviderKeyCooled,
    ProviderKeyDied,
    ProviderKeyParked,
    ProviderKeyRecovered,
    ProviderKeySecretRetired,
)
from domain.verdicts import Verdict
from tests.journeys.plane import DataPlane, new_model
from tests.journeys.proxy_process import ProxyProcess, until
from tests.proxy.pools import Pool, pool


@pytest.fixture
def followed(own_plane: DataPlane) -> Iterator[DataPlane]:
    """A data plane with a projector behind it."""
    stop = threading.Event()
    settings = Settings(_env_file=None, database_url=own_plane.database_url)
    thread = threading.Thread(target=project, args=(settings, own_plane.database_url, stop))
    thread.start()
    try:
        yield own_plane
    finally:
        stop.set()
        thread.join()


def events_of(plane: DataPlane, key: ProviderKeyId) -> list[Event]:
    return [one.event for one in plane.control.fleet.history(key)][1:]


def status_of(plane: DataPlane, key: ProviderKeyId) -> KeyStatus | None:
    rows = plane.control.key_ring.of_team(plane.team_id, after=None, limit=100)
    now = datetime.now(UTC)
    return next((r.standing.status_at(now) for r in rows if r.key_id == key), None)


def attempts_at(proxy: ProxyProcess, pool: Pool) -> int:
    """How many keys one call through this proxy needs."""
    answer = pool.plane.client.post(
        f"{proxy.url}/api/v1/openai/v1/chat/completions",
        json={"model": new_model(), "messages": [{"role": "user", "content": "hi"}]},
        headers=pool.bot.bearer,
    )
    assert answer.status_code == 200, answer.text
    return int(answer.headers["x-clawbot-attempts"])


@pytest.mark.parametrize(
    ("directives", "kind", "status"),
    [
        ("status=429+retry=60", ProviderKeyCooled, KeyStatus.COOLING),
        ("status=402", ProviderKeyParked, KeyStatus.NO_FUNDS),
        ("status=401", ProviderKeyDied, KeyStatus.DEAD),
    ],
)
def test_what_one_proxy_found_out_every_proxy_knows_within_a_second(
    followed: DataPlane, directives: str, kind: type[Any], status: KeyStatus, free_port: int
) -> None:
    environment = dict(followed.proxy.environment)
    environment["CLAWBOT_PROXY_PORT"] = str(free_port)
    other = ProxyProcess(environment, free_port, followed.proxy.log.with_name("other.log"))
    other.start()
    try:
        two = pool(followed, directives, None)
        assert attempts_at(followed.proxy, two) == 2
        found = time.monotonic()
        until(lambda: bool(events_of(followed, two.keys[0])))
        until(lambda: status_of(followed, two.keys[0]) is status)
        time.sleep(max(0, found + 1 - time.monotonic()))
        assert attempts_at(other, two) == 1
        (event,) = events_of(followed, two.keys[0])
        assert isinstance(event, kind)
        assert not events_of(followed, two.keys[1])
    finally:
        other.stop()


def test_a_key_that_has_cooled_down_recovers_on_record_and_serves_again(
    followed: DataPlane,
) -> None:
    one = pool(followed, None)
    limited = followed.chat(one.bot, new_model("+status=429+retry=6"))
    assert limited.status_code == 429
    until(lambda: len(events_of(followed, one.keys[0])) == 1)
    assert followed.chat(one.bot, new_model()).status_code == 429
    until(lambda: followed.chat(one.bot, new_model()).status_code == 200, seconds=10)
    until(lambda: len(events_of(followed, one.keys[0])) == 2, seconds=15)
    assert isinstance(events_of(followed, one.keys[0])[1], ProviderKeyRecovered)


def test_rotation_under_load_loses_no_call_and_the_old_secret_goes(
    followed: DataPlane,
) -> None:
    one = pool(followed, None)
    statuses: list[int] = []
    over = threading.Event()

    def load() -> None:
        while not over.is_set():
            statuses.append(followed.chat(one.bot, new_model()).status_code)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(8):
            rotated = RotateProviderKey(
                key_id=one.keys[0],
                team_id=followed.team_id,
                secret=Secret(f"sk-rotated-{uuid4().hex}".encode()),
                previous_end_at=datetime.now(UTC) + timedelta(seconds=1),
                expected_version=None,
            )
            followed.control.bus.handle(rotated, by=followed.by)
            time.sleep(0.25)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert len(statuses) > 50
    assert set(statuses) == {200}
    ends = [e.event for e in followed.events(one.bot) if isinstance(e.event, CallSettled)]
    assert len(ends) == len(statuses)
    until(lambda: _versions(followed, one.keys[0]) == [9], seconds=30)
    retired = events_of(followed, one.keys[0])[-8:]
    assert all(isinstance(event, ProviderKeySecretRetired) for event in retired)
    assert followed.chat(one.bot, new_model()).status_code == 200


def _versions(plane: DataPlane, key: ProviderKeyId) -> list[int]:
    with psycopg.connect(plane.database_url) as owner:
        rows = owner.execute(
            "SELECT version FROM vault.secret WHERE id = %s ORDER BY version", (key,)
        ).fetchall()
    return [row[0] for row in rows]


def test_the_models_of_a_key_are_asked_for_through_the_proxy(data_plane: DataPlane) -> None:
    good = data_plane.add_key("openai")
    control = data_plane.control
    client = KeyCheckClient(data_plane.proxy.url, control.instance_keys.get("key-check"))
    try:
        found, names = client.models(good, control.catalog.get("openai"))
        assert found.verdict is Verdict.OK
        assert names
        bad = data_plane.add_key("openai", secret="sk-sim+status=401")
        assert client.models(bad, control.catalog.get("openai")) == (
            Found(verdict=Verdict.DEAD, http_status=401),
            (),
        )
    finally:
        client.close()
