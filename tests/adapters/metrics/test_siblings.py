"""Processes that share a port: whoever is asked tells the numbers of all."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.metrics import siblings
from adapters.metrics.numbers import ProcessNumbers, proxy_numbers
from adapters.metrics.series import Counter
from adapters.metrics.siblings import Siblings
from adapters.settings import Settings
from application.readiness import Dependency, Lag, Look
from domain.parking import ProjectionParked

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siblings, "LEAVE_SECONDS", 0.02)


@asynccontextmanager
async def a_process(folder: Path, name: str, calls: int) -> AsyncIterator[ProcessNumbers]:
    numbers, counter = (
        ProcessNumbers(name, Siblings(folder, name)),
        Counter("x_total", "X."),
    )
    counter.add((), calls)
    numbers.add(counter)
    telling = asyncio.create_task(numbers.keep_siblings_told())
    await asyncio.sleep(0.1)
    try:
        yield numbers
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


def names(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def counted(numbers: ProcessNumbers) -> list[str]:
    """The lines about our counter, headings too."""
    text = (await numbers.text()).decode()
    return [line for line in text.splitlines() if "x_total" in line]


async def test_each_tells_its_own_numbers_and_those_of_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "not/there/yet"
    async with (
        a_process(folder, "proxy-1", 3) as one,
        a_process(folder, "proxy-2", 4) as two,
    ):
        heads = ["# HELP x_total X.", "# TYPE x_total counter"]
        mine, theirs = 'x_total{process="proxy-1"} 3', 'x_total{process="proxy-2"} 4'
        assert await counted(one) == [*heads, mine, theirs]
        assert await counted(two) == [*heads, theirs, mine]


async def test_one_that_ended_is_told_of_no_more(tmp_path: Path) -> None:
    async with a_process(tmp_path, "proxy-1", 3) as one:
        async with a_process(tmp_path, "proxy-2", 4):
            pass
        assert not [line for line in await counted(one) if "proxy-2" in line]
        assert names(tmp_path) == ["proxy-1.json"]


async def test_one_that_was_killed_is_forgotten_after_a_while(tmp_path: Path) -> None:
    killed = tmp_path / "proxy-2.json"
    killed.write_text('{"x_total": ["x_total{process=\\"proxy-2\\"} 4"]}')
    async with a_process(tmp_path, "proxy-1", 3) as one:
        assert [line for line in await counted(one) if "proxy-2" in line]
        long_ago = time.time() - siblings.STALE_SECONDS - 1
        os.utime(killed, (long_ago, long_ago))
        assert not [line for line in await counted(one) if "proxy-2" in line]
    assert not killed.exists()


@pytest.mark.parametrize("content", ["", "{", '{"unknown": ["y 1"]}'])
async def test_what_another_wrote_badly_does_no_harm(tmp_path: Path, content: str) -> None:
    (tmp_path / "proxy-2.json").write_text(content)
    async with a_process(tmp_path, "proxy-1", 3) as one:
        assert (await counted(one))[2:] == ['x_total{process="proxy-1"} 3']


async def test_without_a_folder_to_write_in_each_tells_its_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    async with a_process(tmp_path / "file", "proxy-1", 3) as one:
        assert (await counted(one))[2:] == ['x_total{process="proxy-1"} 3']
    assert "metrics.not_left" in caplog.messages


async def test_a_proxy_alone_at_its_port_has_no_siblings(tmp_path: Path) -> None:
    one = proxy_numbers(Settings(clawbot_data_dir=tmp_path))
    several = proxy_numbers(Settings(clawbot_data_dir=tmp_path, clawbot_workers=2))
    assert (one.process, several.process) == ("proxy", f"proxy-{os.getpid()}")
    await one.keep_siblings_told()
    assert not names(tmp_path)


class Behind:
    """Plays `Readiness`."""

    def look(self) -> Look:
        return Look(
            dependencies=[Dependency(name="database", ready=False)],
            views=[Lag(name="call_log", log="calls", behind=7, seconds=1.5)],
            copies=[Lag(name="call_log", log="calls", behind=99)],
            parked=[ProjectionParked(projection="notices", log="x", position=1, error="y")],
            sealing=[Lag(name="sealer", log="fleet", behind=3, seconds=0.25)],
        )


async def test_views_tell_how_far_they_are_behind() -> None:
    numbers = ProcessNumbers("api")
    numbers.look_at(Behind())
    text = (await numbers.text()).decode()
    for line in (
        'clawbot_view_behind{process="api",view="call_log",log="calls"} 7',
        'clawbot_view_behind_seconds{process="api",view="call_log",log="calls"} 1.5',
        'clawbot_rebuild_behind{process="api",view="call_log",log="calls"} 99',
        'clawbot_projection_parked{process="api",projection="notices"} 1',
        'clawbot_sealing_behind{process="api",log="fleet"} 3',
        'clawbot_sealing_behind_seconds{process="api",log="fleet"} 0.25',
    ):
        assert f"{line}\n" in text
    assert 'clawbot_ready{process="api",dependency="database"} 0\n' in text


async def test_memory_time_and_files_of_the_process_are_told() -> None:
    text = (await ProcessNumbers("api").text()).decode()
    numbers = dict(
        line.replace('{process="api"}', "").split()
        for line in text.splitlines()
        if not line.startswith("#")
    )
    assert float(numbers["process_resident_memory_bytes"]) > 10_000_000
    assert 0 < float(numbers["process_open_fds"]) < 10_000
    assert float(numbers["process_cpu_seconds_total"]) > 0
    assert "# TYPE process_cpu_seconds_total counter\n" in text
