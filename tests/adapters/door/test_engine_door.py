"""What the api learns of containers through the worker's door."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, closing
from datetime import timedelta
from uuid import uuid4

import httpx2
import pytest

from adapters.door import watching
from adapters.door.client import DoorClient
from application.engines import EngineUnavailable, LogLine
from application.fleet_watch import WorkerIsAway
from domain.door_passes import DoorPass, Purpose, make_door_pass
from domain.errors import BadSetup, NotFound, Unavailable
from tests.adapters.door.given import LOST, NOON, SECRET, Opened, engine_door

BOT = uuid4()
# What a bot may write, and what ends a line of text somewhere.
ODD = "\n\0é\r\v\f\x1c\x85\u2028\u2029\x1b[2J"


@pytest.fixture
def door() -> Iterator[Opened]:
    with engine_door() as door:
        yield door


def test_an_engine_that_answers_says_its_version(door: Opened) -> None:
    status = door.client.engine_status()
    assert (status.name, status.version, status.reachable) == ("docker", "28.5", True)


def test_an_engine_that_is_away_is_told_from_a_worker_that_is(door: Opened) -> None:
    door.engine.away = True
    status = door.client.engine_status()
    assert (status.reachable, status.is_absent) == (False, False)
    with pytest.raises(EngineUnavailable):
        door.client.stats([BOT])
    assert door.client.facts(BOT).container is None


def test_nobody_behind_the_door_is_unavailable(free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    with (
        closing(DoorClient(url, SECRET)) as client,
        pytest.raises(WorkerIsAway) as refused,
    ):
        client.orphans()
    assert not isinstance(refused.value, EngineUnavailable)


def test_a_worker_without_an_engine_says_so() -> None:
    with engine_door(engine=False) as door:
        status = door.client.engine_status()
        assert (status.name, status.reachable, status.is_absent) == ("", False, True)
        with pytest.raises(EngineUnavailable):
            list(door.client.logs(BOT, tail=1))


def test_an_engine_that_hangs_holds_up_nobody_who_asks_for_something_else(
    door: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.engine.answers.clear()
    asking = threading.Thread(target=door.client.engine_status)
    asking.start()
    assert door.client.orphans() == [LOST]
    assert asking.is_alive()
    monkeypatch.setattr(watching, "STATUS_SECONDS", 0.05)
    assert not door.client.engine_status().reachable
    door.engine.answers.set()
    asking.join()
    assert door.client.engine_status().reachable


def test_numbers_are_those_of_the_bots_asked_for(door: Opened) -> None:
    door.engine.run(BOT)
    door.engine.run(uuid4())
    (stats,) = door.client.stats([BOT, uuid4()])
    assert (stats.bot_id, stats.cpu_percent) == (BOT, 1250)
    assert door.client.stats([]) == []


def test_cleaning_up_is_dry_unless_it_is_said_not_to_be(door: Opened) -> None:
    assert door.client.clean_up(dry_run=True) == [LOST]
    assert not door.household.cleaned
    assert door.client.clean_up(dry_run=False) == [LOST]
    assert door.household.cleaned


def test_a_diagnosis_tells_container_workspace_and_that_the_proxy_is_away(
    door: Opened,
) -> None:
    door.engine.run(BOT)
    facts = door.client.facts(BOT)
    assert facts.container == door.engine.seen[0]
    assert (facts.proxy_ms, facts.workspace_in_step) == (None, True)


def test_the_last_lines_are_told_since_a_time_and_for_a_bot_that_has_a_container(
    door: Opened,
) -> None:
    with pytest.raises(NotFound):
        list(door.client.logs(BOT, tail=10))
    door.engine.run(BOT)
    for nth in range(5):
        door.engine.write(f"line {nth}{ODD}", after=nth)
    texts = [line.text for line in door.client.logs(BOT, tail=2)]
    assert texts == [f"line 3{ODD}", f"line 4{ODD}"]
    since = NOON + timedelta(seconds=4)
    assert [line.at for line in door.client.logs(BOT, tail=9, since=since)] == [since]


@pytest.mark.anyio
async def test_a_follower_hears_each_line_once_and_may_leave(door: Opened) -> None:
    door.engine.run(BOT)
    door.engine.write("before", after=0)
    async with aclosing(door.client.following(BOT, tail=10)) as lines:
        assert await text_of(lines) == "before"
        door.engine.write("same moment", after=0)
        assert await text_of(lines) == "same moment"
        door.engine.write(f"later{ODD}", after=1)
        assert await text_of(lines) == f"later{ODD}"
    assert door.client.engine_status().reachable


@pytest.mark.anyio
async def test_a_follower_of_no_old_lines_hears_none(door: Opened) -> None:
    door.engine.run(BOT)
    door.engine.write("long ago", after=0)
    door.engine.write("before", after=1)
    async with aclosing(door.client.following(BOT, tail=0)) as lines:
        hearing = asyncio.create_task(text_of(lines))
        await asyncio.to_thread(door.engine.was_asked, 2)
        door.engine.write("now", after=2)
        assert await hearing == "now"


@pytest.mark.anyio
async def test_a_follower_since_a_time_hears_nothing_older(door: Opened) -> None:
    door.engine.run(BOT)
    door.engine.write("before", after=0)
    since = NOON + timedelta(seconds=1)
    async with aclosing(door.client.following(BOT, tail=10, since=since)) as lines:
        hearing = asyncio.create_task(text_of(lines))
        await asyncio.to_thread(door.engine.was_asked, 2)
        door.engine.write("since then", after=2)
        assert await hearing == "since then"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("written", "left_out"), [(1_000, []), (1_234, ["234"]), (20_000, ["9000 or more"])]
)
async def test_a_follower_is_told_how_many_lines_of_a_flood_are_left_out(
    door: Opened, written: int, left_out: list[str]
) -> None:
    door.engine.run(BOT)
    door.engine.write("before", after=0)
    async with aclosing(door.client.following(BOT, tail=1)) as lines:
        assert await text_of(lines) == "before"
        flood = [(f"line {nth}", nth) for nth in range(1, written + 1)]
        door.engine.write_all(flood)
        heard = [await text_of(lines) for _ in range(1_000 + len(left_out))]
    expected = [text for text, _ in flood[-1_000:]]
    assert heard == [*(f"{number} lines left out" for number in left_out), *expected]


@pytest.mark.anyio
async def test_a_follower_hears_the_end_when_the_container_is_gone(door: Opened) -> None:
    door.engine.run(BOT)
    door.engine.write("last words", after=0)
    async with aclosing(door.client.following(BOT, tail=10)) as lines:
        assert await text_of(lines) == "last words"
        door.engine.seen.clear()
        assert [line async for line in lines] == []


@pytest.mark.anyio
async def test_who_cannot_follow_is_told_why(door: Opened, free_port: int) -> None:
    with pytest.raises(NotFound):
        await text_of(door.client.following(BOT, tail=1))
    door.engine.away = True
    with pytest.raises(EngineUnavailable):
        await text_of(door.client.following(BOT, tail=1))
    url = f"http://127.0.0.1:{free_port}"
    with closing(DoorClient(url, SECRET)) as away, pytest.raises(Unavailable):
        await text_of(away.following(BOT, tail=1))


async def text_of(lines: AsyncGenerator[LogLine | None, None]) -> str:
    """The next line that is one."""
    async for line in lines:
        if line is not None:
            return line.text
    raise AssertionError


@pytest.mark.parametrize(
    "names", [DoorPass(Purpose.MCP, BOT, uuid4()), DoorPass(Purpose.CHANNEL, BOT, uuid4())]
)
def test_a_relays_pass_does_not_open_the_engine(door: Opened, names: DoorPass) -> None:
    token = make_door_pass(names, ends_at=int(time.time()) + 60, secret=SECRET)
    assert asked(door, token).status_code == 401


def test_without_a_pass_nothing_is_said_but_that(door: Opened) -> None:
    stale = make_door_pass(DoorPass(Purpose.ENGINE), ends_at=1, secret=SECRET)
    for token in ("-", "cbd_", "x" * 5000, stale):
        answer = asked(door, token)
        assert (answer.status_code, answer.json()) == (401, {"code": "unauthenticated"})
    assert httpx2.get(f"{door.url}/engine/logs/../../etc/passwd").status_code == 404


def test_two_doors_do_not_open_at_one_port(door: Opened) -> None:
    port = int(door.url.rpartition(":")[2])
    with pytest.raises(BadSetup), engine_door(port=port):
        pass


def asked(door: Opened, token: str) -> httpx2.Response:
    return httpx2.get(f"{door.url}/engine", headers={"authorization": f"Bearer {token}"})
