"""What a bot's gateway says of its workspace, asked over a real connection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from adapters.reconciler import gateways
from adapters.reconciler.gateways import GatewayReaders, revision_in
from application.ports import Secret
from domain.bots import Bot
from tests.dripping import dripping
from tests.little_server import Answering, little_server

OPENCLAW, PLAIN = Bot(image="openclaw:latest"), Bot(image="clawbot/tiny:1")
BOT = uuid4()


def read(mark: Any = "rev-2", applied: str = "h") -> dict[str, Any]:
    """What `config.get` answers."""
    config = {"agents": {"entries": {"main": {"description": mark}}}}
    payload = {"config": config, "configRevisionHash": "h", "appliedConfigHash": applied}
    return {"id": "1", "ok": True, "payload": payload}


@contextmanager
def gateway(answer: object, status: int = 200) -> Iterator[tuple[str, list[Any]]]:
    """A gateway's address, and what it was asked."""
    asked: list[Any] = []

    class Handler(Answering):
        def post(self) -> None:
            body = json.loads(self.body())
            asked.append((self.path, self.headers["authorization"], body))
            said = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.answer(status, said)

    with little_server(Handler) as url:
        yield url.removeprefix("http://"), asked


@pytest.fixture
def readers() -> GatewayReaders:
    return GatewayReaders(lambda _: Secret(b"cbg_1"))


def test_openclaw_is_asked_with_its_gateways_token(readers: GatewayReaders) -> None:
    with gateway(read()) as (address, asked):
        assert readers.revision_of(BOT, OPENCLAW, address, "rev-3") == "rev-2"
    assert asked == [
        ("/api/v1/admin/rpc", "Bearer cbg_1", {"method": "config.get", "params": {}})
    ]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (read(applied="older"), 200),
        (b"<html>", 200),
        (b"[" * 100_000, 200),
        ([], 200),
        (read(), 503),
    ],
)
def test_a_gateway_that_does_not_tell_is_no_news(
    readers: GatewayReaders, answer: object, status: int
) -> None:
    with gateway(answer, status) as (address, _):
        assert readers.revision_of(BOT, OPENCLAW, address, "rev-3") is None


def test_a_gateway_that_is_away_or_has_no_token_is_no_news(
    readers: GatewayReaders,
) -> None:
    assert readers.revision_of(BOT, OPENCLAW, "127.0.0.1:9", "rev-3") is None
    without = GatewayReaders(lambda _: None)
    assert without.revision_of(BOT, OPENCLAW, "127.0.0.1:9", "rev-3") is None


def test_other_software_reads_its_files_by_itself(readers: GatewayReaders) -> None:
    assert readers.revision_of(BOT, PLAIN, "127.0.0.1:9", "rev-3") == "rev-3"


@pytest.mark.parametrize("mark", [None, 3, ["rev"]])
def test_a_mark_is_text(mark: object) -> None:
    assert revision_in(read(mark)) is None


def test_a_bot_that_never_ends_its_answer_holds_no_worker_up(
    readers: GatewayReaders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateways, "SECONDS", 0.2)
    with dripping() as url:
        address = url.removeprefix("http://")
        assert readers.revision_of(BOT, OPENCLAW, address, "rev-3") is None


def test_a_bot_that_says_too_much_is_not_heard_to_the_end(
    readers: GatewayReaders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateways, "LARGEST", 1000)
    with gateway(json.dumps(read()).encode() + b" " * 2000) as (address, _):
        assert readers.revision_of(BOT, OPENCLAW, address, "rev-3") is None
