"""A provider key is in the vault, on the wire to its vendor, and nowhere else."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import quote
from uuid import uuid4

import httpx
import psycopg
import pytest

from adapters.bootstrap.followers import VIEWS, event_logs
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.rebuild import rebuild
from application.keys import CheckProviderKey
from tests.faults.load import KINDS, Kind
from tests.faults.reckoning import projector
from tests.journeys.canary import dumped, dumped_vault, environments, hits, writings
from tests.journeys.data_plane import copied, running
from tests.journeys.plane import DataPlane, new_model

# What is quoted in a URL, and what makes base64's two alphabets differ, is in it.
KEY = f"sk-canary/~?>?~{secrets.token_urlsafe(32)}"
BEHAVIOURS = (
    "",
    "+echo",
    "+status=400+echo",
    "+status=401+echo",
    "+status=403+echo",
    "+status=429+echo",
    "+status=500+echo",
    "+error=2+echo",
    "+cut=3+echo",
    "+nousage",
)


@pytest.fixture(scope="module")
def plane(database_server: str, migrated_template: str) -> Iterator[DataPlane]:
    """Every key of it is the canary."""
    with (
        copied(database_server, migrated_template) as url,
        running(url, secret=KEY) as plane,
    ):
        yield plane


def answers(plane: DataPlane) -> bytes:
    """Every byte of what clients of each format were told, headers too."""
    bot, told = plane.new_bot(), bytearray()
    kinds = {(kind.path, str(kind.body)): kind for kind in KINDS}.values()
    for kind in kinds:
        for behaviour in BEHAVIOURS:
            told += _answer(plane, bot.bearer, kind, new_model(behaviour))
    for path in ("/openai/v1/models", "/google/v1beta/models", "/openai/v1/nothing"):
        answer = plane.client.get(plane.url + path, headers=bot.bearer)
        told += str(answer.headers.raw).encode() + answer.content
    return bytes(told)


def _answer(plane: DataPlane, headers: dict[str, str], kind: Kind, model: str) -> bytes:
    body = {**kind.body, "model": model} if "model" in kind.body else kind.body
    told = bytearray()
    try:
        with plane.client.stream(
            "POST", plane.url + kind.path.format(model=model), json=body, headers=headers
        ) as answer:
            told += str(answer.headers.raw).encode()
            for piece in answer.iter_raw():
                told += piece
    except httpx.RemoteProtocolError:
        told += b"(cut)"
    return bytes(told)


def test_the_canary_is_found_nowhere_but_in_the_vault(
    plane: DataPlane, database_server: str
) -> None:
    told = answers(plane)
    assert told.count(b"*" * len(KEY)) >= 6  # where it was echoed in one piece
    check = CheckProviderKey(
        key_id=plane.keys["openai"], team_id=plane.team_id, check_id=uuid4()
    )
    plane.control.bus.handle(check, by=plane.by)
    plane.remove_key(plane.add_key("openai"))
    bring_views(plane)
    with psycopg.connect(database_server) as connection:
        row = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
    assert row is not None
    postgres = int(row[0].split()[0])
    with psycopg.connect(plane.database_url) as connection:
        states = b"\n".join(
            state
            for table in ("fleet_events", "calls_events")
            for (state,) in connection.execute(f"SELECT state FROM {table}".encode())
        )
    places = {
        "answers": told,
        "the proxy's log": plane.proxy.log.read_bytes(),
        "events": states,
        "dump": dumped(plane.database_url),
        "the vault's rows": dumped_vault(plane.database_url),
        **environments(plane.proxy.pid, plane.simulator.pid, postgres),
    }
    assert hits(KEY.encode(), places) == []
    assert all(places.values())
    assert b"call.settled" in places["dump"]
    assert places["dump"].count(b"\n") > 1000
    assert b"vault.secret" in places["the vault's rows"]


def bring_views(plane: DataPlane) -> None:
    """What a projector does, and a rebuild."""
    with projector(plane.database_url) as database:
        logs = event_logs(database)
        for name, (kind, view) in VIEWS.items():
            for log in kind.logs:
                catch_up(ViewFollower(kind(), view(database)), Reader(logs[log]))
            rebuild(plane.database_url, name, check=True)


# The scanner itself.


@pytest.mark.parametrize("writing", writings(b"x" * 12))
def test_a_planted_canary_is_found_in_any_writing(writing: str) -> None:
    secret = KEY.encode()
    planted = b"before " + writings(secret)[writing] + b" after"
    assert f"somewhere: {writing}" in hits(secret, {"somewhere": planted})
    assert hits(secret, {"elsewhere": planted[:-20]}) == []


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "abcd"])
@pytest.mark.parametrize("after", ["", "z", "zy"])
def test_base64_is_seen_through_whatever_stands_around(before: str, after: str) -> None:
    around = f"{before}{KEY}{after}".encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert hits(KEY.encode(), {"it": encode(around)})


def test_a_canary_in_a_table_is_found_in_the_dump(plane: DataPlane) -> None:
    with psycopg.connect(plane.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE planted AS SELECT %s::text AS it", (KEY,))
        connection.execute(
            "CREATE TABLE planted_bytes AS SELECT %s::bytea AS it", (KEY.encode(),)
        )
        try:
            found = hits(KEY.encode(), {"dump": dumped(plane.database_url)})
        finally:
            connection.execute("DROP TABLE planted, planted_bytes")
    assert found == ["dump: plain", "dump: hex"]


def test_a_canary_in_the_environment_of_a_child_is_found() -> None:
    command = [sys.executable, "-c", "input()"]
    environment = {**os.environ, "PLANTED": quote(KEY, safe="")}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert hits(KEY.encode(), environments(os.getpid())) == [
            f"environment of {child.pid}: url-encoded"
        ]
        child.communicate(b"\n", timeout=10)
