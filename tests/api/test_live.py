"""The live stream, on real servers: resumed, across processes, ended with its session."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn

from adapters.serving import bound
from api.app import create_app
from api.live_feed import QUEUE, Listener
from application.event_log import Caller, Stream, acting
from application.readiness import Lag
from domain.events import Event
from domain.key_events import ProviderKeyDied, ProviderKeyDisabled
from tests.api.front import Front, front_of
from tests.api.rehearsal import REHEARSAL
from tests.api.system import System, in_memory, on_postgres

URL = "/api/events/stream"
DIED = ProviderKeyDied(http_status=401, error=None)


@contextmanager
def served(system: System) -> Iterator[str]:
    """A process of the api, as far as a test needs one."""
    listener = bound("127.0.0.1", 0)
    config = uvicorn.Config(
        create_app(system, REHEARSAL), log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def happens(system: System, team: UUID, *events: Event) -> int:
    with acting(Caller("system:worker", team_id=team)):
        return system.fleet.append(Stream(uuid4(), 0, None), events)


def messages(lines: Iterator[str], *, lag: bool) -> Iterator[dict[str, Any]]:
    """Each event with its name, id if it has one, and data: those of lag, or all others."""
    found: dict[str, Any] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if name and value:
            found[name] = json.loads(value) if name == "data" else value
        elif not line:
            if "data" in found and (found["event"] == "lag") is lag:
                yield found
            found = {}


@contextmanager
def listening(
    url: str,
    headers: dict[str, str],
    last: str | None = None,
    *,
    follow: bool = True,
    lag: bool = False,
) -> Iterator[Iterator[dict[str, Any]]]:
    more = {} if last is None else {"Last-Event-ID": last}
    query = {"follow": str(follow).lower()}
    with (
        httpx.Client(timeout=20) as client,
        client.stream("GET", url + URL, params=query, headers=headers | more) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines).startswith(("retry: ", "event: reset"))
        yield messages(lines, lag=lag)


def team_of(front: Front, headers: dict[str, str]) -> UUID:
    return UUID(front.client.get("/api/auth/me", headers=headers).json()["team"]["id"])


def test_what_happens_in_the_team_and_in_no_other_is_told_as_it_happens() -> None:
    system = in_memory()
    with front_of(system) as front, served(system) as url:
        me, other = front.someone(), front.someone()
        with listening(url, me) as told:
            happens(system, team_of(front, other), DIED)
            position = happens(system, team_of(front, me), DIED)
            notice, state = next(told), next(told)
    assert (notice["event"], notice["data"]["kind"]) == ("notice", "key.dead")
    assert "id" not in notice, "only the last of a position has its id"
    assert (state["event"], state["id"]) == ("key.state", str(position))
    assert state["data"]["facts"]["status"] == "dead"


def test_everybody_is_told_how_far_the_views_are_behind_while_nothing_happens() -> None:
    system = in_memory()
    system.readiness.views = [Lag(name="notices", log="fleet", behind=7)]
    with front_of(system) as front, served(system) as url:
        me = front.someone()
        with listening(url, me, lag=True) as told:
            first = next(told)
            with listening(url, me, lag=True) as later:
                assert next(later) == first == {"event": "lag", "data": {"fleet": 7}}


def test_a_stream_is_resumed_in_another_process_without_loss(database_url: str) -> None:
    with on_postgres(database_url) as one, on_postgres(database_url) as another:
        with front_of(one) as front:
            me = front.someone()
            team = team_of(front, me)
        with served(one) as url, listening(url, me) as told:
            happens(one, team, ProviderKeyDisabled())
            last = next(told)["id"]
        missed = [happens(one, team, ProviderKeyDisabled()) for _ in range(30)]
        with served(another) as url, listening(url, me, last) as told:
            ids = [int(next(told)["id"]) for _ in missed]
            later = happens(one, team, ProviderKeyDisabled())
            ids.append(int(next(told)["id"]))
    assert ids == [*missed, later]


def test_a_stream_ends_with_its_session() -> None:
    system = in_memory()
    with front_of(system) as front, served(system) as url:
        me = front.someone()
        with listening(url, me) as told:
            assert front.client.post("/api/auth/logout", headers=me).status_code < 300
            started = time.monotonic()
            assert [one["event"] for one in told] == ["end"]
        assert time.monotonic() - started < 10


@pytest.mark.parametrize("last", ["999999", "100000000000000000"])
def test_an_id_that_is_not_there_yet_means_reading_anew(front: Front, last: str) -> None:
    headers = front.someone() | {"Last-Event-ID": last}
    answer = front.client.get(URL, params={"follow": "false"}, headers=headers)
    assert answer.text.startswith("event: reset")


@pytest.mark.parametrize("last", ["-1", "x", "01", "1 ", "9" * 19, "٣"])
def test_what_is_no_id_is_refused(front: Front, last: str) -> None:
    headers: Any = front.someone() | {"Last-Event-ID": last.encode()}
    answer = front.client.get(URL, params={"follow": "false"}, headers=headers)
    assert answer.status_code == 422 or last.strip() == "1"


def test_somebody_has_ten_streams_at_most() -> None:
    system = in_memory()
    with front_of(system) as front, served(system) as url:
        me = front.someone()
        with httpx.Client(base_url=url, timeout=20) as client:
            requests = [client.build_request("GET", URL, headers=me) for _ in range(11)]
            answers, kept = [], []  # a reader that is dropped closes its stream
            for request in requests:
                answers.append(client.send(request, stream=True))
                if answers[-1].status_code == 200:
                    kept.append(answers[-1].iter_lines())
                    next(kept[-1])
            codes = [one.status_code for one in answers]
            for one in answers:
                one.close()
    assert codes == [200] * 10 + [429]


def test_a_reader_that_is_too_slow_is_cut() -> None:
    listener = Listener(uuid4(), "ada")
    for position in range(QUEUE):
        listener.take(position, "x")
    assert not listener.cut
    listener.take(QUEUE, "x")
    assert listener.cut
