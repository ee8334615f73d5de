"""The runtime of a bot whose maker did not say: never a guess."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from adapters import runtimes
from adapters.runtimes import AskedRuntimes
from application.fleet_watch import EngineStatus, WorkerIsAway
from application.runtimes import RuntimeIsNotKnown
from domain.bot_events import Runtime
from domain.errors import Unavailable

ANSWERS = EngineStatus(name="docker", version="29", reachable=True)
SLOW = EngineStatus(name="docker", version="", reachable=False)
ABSENT = EngineStatus(name="docker", version="", reachable=False, is_absent=True)
NONE = EngineStatus(name="none", version="", reachable=False, is_absent=True)

Said = EngineStatus | Exception


def told(*script: Said) -> Callable[[], EngineStatus]:
    """Says one after another, and the last for ever."""
    left = list(script)

    def status() -> EngineStatus:
        said = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(said, Exception):
            raise said
        return said

    return status


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "BELIEVED_SECONDS", 0)
    monkeypatch.setattr(runtimes, "PAUSE_SECONDS", 0.001)


@pytest.mark.parametrize(
    ("said", "runtime"),
    [
        (ANSWERS, Runtime.DOCKER),
        (EngineStatus(name="swarm", version="29", reachable=True), Runtime.SWARM),
        (ABSENT, Runtime.EXTERNAL),
        (NONE, Runtime.EXTERNAL),
        (WorkerIsAway(), Runtime.EXTERNAL),
    ],
)
def test_what_is_certain_is_taken(said: Said, runtime: Runtime) -> None:
    asked = AskedRuntimes(told(said), wait_seconds=60)
    assert asked.preferred() is runtime
    assert asked.available() == {runtime, Runtime.EXTERNAL}


@pytest.mark.parametrize("said", [SLOW, Unavailable()])
def test_an_engine_that_is_slow_is_not_taken_for_none(said: Said) -> None:
    asked = AskedRuntimes(told(said), wait_seconds=0.01)
    for ask in (asked.preferred, asked.available):
        with pytest.raises(RuntimeIsNotKnown):
            ask()


@pytest.mark.parametrize("said", [SLOW, Unavailable()])
def test_one_that_answers_after_a_while_is_waited_for(said: Said) -> None:
    asked = AskedRuntimes(told(said, said, ANSWERS), wait_seconds=60)
    assert asked.preferred() is Runtime.DOCKER


@pytest.mark.parametrize("said", [SLOW, ABSENT, Unavailable(), WorkerIsAway()])
def test_an_engine_that_answered_once_is_the_instances_while_it_is_away(said: Said) -> None:
    asked = AskedRuntimes(told(ANSWERS, said), wait_seconds=60)
    assert [asked.preferred() for _ in range(3)] == [Runtime.DOCKER] * 3


def test_an_engine_that_the_operator_has_taken_away_is_forgotten() -> None:
    asked = AskedRuntimes(told(ANSWERS, NONE, ABSENT))
    assert [asked.preferred() for _ in range(3)] == [
        Runtime.DOCKER,
        Runtime.EXTERNAL,
        Runtime.EXTERNAL,
    ]


def test_of_many_who_ask_at_once_one_waits_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "BELIEVED_SECONDS", 60)
    times = []

    def status() -> EngineStatus:
        times.append(threading.get_ident())
        raise Unavailable

    asked = AskedRuntimes(status, wait_seconds=0)

    def ask() -> None:
        with pytest.raises(RuntimeIsNotKnown):
            asked.preferred()

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(times) == 1
