"""What an engine shows of bots: logs, numbers, events, leftovers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from adapters.docker.engine import DockerEngine
from adapters.docker.transport import EngineAddress
from application.engines import EngineUnavailable, LogLine, NoEngineHere
from domain.containers import Health, NetworkPolicy
from domain.errors import NotFound
from tests.engine.dockerd import Dockerd
from tests.engine.given import Bots, instance, until
from tests.engine.images import BOT_IMAGE

pytestmark = pytest.mark.xdist_group("dockerd")


@pytest.fixture
def talker(bots: Bots) -> Iterator[tuple[str, httpx.Client]]:
    """A bot that says what it is told: its container, and the way to it."""
    made = bots.running(image=BOT_IMAGE)
    until(lambda: bots.seen(made).health is Health.HEALTHY)
    with httpx.Client(base_url=f"http://{bots.seen(made).address}") as client:
        yield made, client


def test_lines_come_with_their_stream_and_time_oldest_first(
    bots: Bots, talker: tuple[str, httpx.Client]
) -> None:
    made, client = talker
    for number, to in enumerate(["stdout", "stderr", "stdout"]):
        client.get("/say", params={"text": f"line {number} — ü", "to": to})
    client.get("/say", params={"text": "x" * 40_000})
    client.get("/say", params={"text": "last"})
    lines = list(bots.engine.logs(made, tail=100))
    assert [(line.stream, line.text[:20]) for line in lines] == [
        ("stdout", "up"),
        ("stdout", "line 0 — ü"),
        ("stderr", "line 1 — ü"),
        ("stdout", "line 2 — ü"),
        ("stdout", "x" * 20),
        ("stdout", "last"),
    ]
    assert max(len(line.text) for line in lines) == 16 * 1024
    times = [line.at for line in lines if line.at is not None]
    assert len(times) == 6
    assert times == sorted(times)
    assert [line.text for line in bots.engine.logs(made, tail=1)] == ["last"]
    since = bots.engine.logs(made, tail=100, since=times[-1])
    assert [line.text for line in since] == ["last"]
    assert list(bots.engine.logs(made, tail=0)) == []


def test_a_log_that_is_followed_goes_on_until_it_is_closed(
    bots: Bots, talker: tuple[str, httpx.Client]
) -> None:
    made, client = talker
    heard: list[LogLine] = []
    following = bots.engine.logs(made, tail=1, follow=True)
    listener = threading.Thread(target=lambda: heard.extend(following))
    listener.start()
    for number in range(3):
        client.get("/say", params={"text": str(number)})
        time.sleep(0.05)
    assert listener.is_alive()
    time.sleep(0.2)
    following.close()
    listener.join(5)
    assert not listener.is_alive()
    assert [line.text for line in heard] == ["up", "0", "1", "2"]


def test_numbers_are_of_those_that_run(
    bots: Bots, talker: tuple[str, httpx.Client]
) -> None:
    made, _ = talker
    idle = bots.engine.create(bots.spec())
    busy = bots.running()
    with bots.dockerd.client() as client:
        spin = ["python3", "-c", "while True: pass"]
        client.containers.get(busy).exec_run(spin, detach=True)
        list(bots.engine.stats([made, busy]))
        time.sleep(0.5)
        found = {one.container_id: one for one in bots.engine.stats([made, idle, busy])}
    assert set(found) == {made, busy}
    assert found[made].bot_id == bots.seen(made).bot_id
    assert found[made].memory_limit_bytes == 128 * 2**20
    assert 2**20 < found[made].memory_bytes < 128 * 2**20
    assert found[made].pids >= 2
    assert found[made].network_rx_bytes > 0
    assert 1_000 < found[busy].cpu_percent <= 12_000
    assert found[made].cpu_percent < found[busy].cpu_percent


def test_every_change_of_a_bot_is_told_and_nothing_of_others(bots: Bots) -> None:
    events = bots.engine.events()
    with instance(bots.dockerd, bots.dockerd.new_folder()) as others:
        others.running()
        made = bots.running()
        bot_id = bots.seen(made).bot_id
        heard = [next(events), next(events)]  # created, started
        bots.engine.stop(made, within_seconds=0)
        heard.append(next(events))
    assert heard == [bot_id] * 3
    listener = threading.Thread(target=lambda: list(events))
    listener.start()
    events.close()
    listener.join(5)
    assert not listener.is_alive()


def test_what_belongs_to_no_bot_is_found_and_can_be_thrown_away(bots: Bots) -> None:
    kept, lost = bots.spec(), bots.spec(network=NetworkPolicy.EGRESS)
    bots.engine.start(bots.engine.create(kept))
    bots.engine.start(bots.engine.create(lost))
    labels = {"clawbot.instance": str(bots.setup.instance), "clawbot.bot": str(lost.bot_id)}
    with bots.dockerd.client() as client:
        client.volumes.create("lost", labels=labels)
        foreign = client.volumes.create("foreign", labels={"clawbot.instance": "another"})
        found = bots.engine.orphans(frozenset({kept.bot_id}))
        assert sorted(one.kind for one in found) == [
            "container",
            "network",
            "network",
            "volume",
        ]
        assert {one.bot_id for one in found} == {lost.bot_id}
        assert all(one.created_at is not None for one in found)
        for orphan in found:
            bots.engine.discard(orphan)
        assert bots.engine.orphans(frozenset({kept.bot_id})) == []
        assert len(bots.engine.containers()) == 1
        foreign.reload()
        volume = next(one for one in found if one.kind == "volume")
        with pytest.raises(NotFound):
            bots.engine.discard(replace(volume, id="foreign", name="foreign"))
        foreign.remove()


def test_an_engine_that_is_away_is_unavailable_and_comes_back(
    engine_room: Dockerd, proxy_port: int
) -> None:
    folder = engine_room.new_folder()
    with instance(engine_room, folder, proxy_port=proxy_port, timeout_seconds=2) as bots:
        made = bots.running()
        assert bots.engine.ping()[0].isdigit()
        events = bots.engine.events()
        with _away(engine_room):
            began = time.monotonic()
            with pytest.raises(EngineUnavailable):
                bots.engine.containers()
            assert time.monotonic() - began < 4
            engine_room.go_on()
            engine_room.kill()
            with pytest.raises(EngineUnavailable):
                list(events)
            for ask in (bots.engine.ping, bots.engine.containers):
                with pytest.raises(NoEngineHere):
                    ask()
            with pytest.raises(EngineUnavailable):
                bots.engine.start(made)
        assert bots.seen(made).container_id == made


@contextmanager
def _away(dockerd: Dockerd) -> Iterator[None]:
    """It hangs; afterwards it runs anew, as the tests that come next need it."""
    dockerd.pause()
    try:
        yield
    finally:
        dockerd.go_on()
        dockerd.kill()
        dockerd.start()


def test_an_engine_that_never_was_is_unavailable(bots: Bots) -> None:
    nowhere = EngineAddress(host=f"unix://{bots.dockerd.folder}/nowhere.sock")
    engine = DockerEngine(bots.setup, nowhere)
    with pytest.raises(NoEngineHere):
        engine.ping()
    engine.close()
