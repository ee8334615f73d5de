"""A client that hangs up is noticed whatever it waits for, and its call is settled."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from uuid import uuid4

import pytest

from adapters.http.exchange import ANSWERING as ANSWERED
from adapters.http.exchange import LEAVING as TOLD
from adapters.http.exchange import PASSING as PASSED
from domain.calls import CallAdmitted, CallSettled
from domain.holds import Balance
from domain.usage import Usage, UsageSource
from proxy.client import Client
from proxy.incoming import ANSWERING, LEAVING, PASSING, Message
from proxy.settlement import Progress, usage_of
from proxy.usage import Reading
from proxy.waiting import Waiting
from tests.journeys.plane import DataPlane, TestBot, chat_body, new_model
from tests.journeys.proxy_process import until
from tests.proxy.scene import Scene, ticks
from tests.proxy.test_budgets import balance, limit
from tests.proxy.test_holding_again import holding_of

PLAIN = b'{"model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}'


def ask(plane: DataPlane, bot: TestBot, model: str, *, stream: bool) -> socket.socket:
    """A line on which the bot has asked for a chat."""
    body = json.dumps(chat_body(model, stream=stream)).encode()
    host, _, port = plane.proxy.url.removeprefix("http://").partition(":")
    line = socket.create_connection((host, int(port)), timeout=10)
    line.sendall(
        b"POST /api/v1/openai/v1/chat/completions HTTP/1.1\r\nhost: a\r\n"
        b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b"
        % (bot.token.encode(), len(body), body)
    )
    return line


@pytest.mark.parametrize("stream", [False, True])
def test_who_leaves_before_the_answer_is_charged_what_the_vendor_says(
    data_plane: DataPlane, bot: TestBot, *, stream: bool
) -> None:
    model = new_model()
    with closing(ask(data_plane, bot, f"{model}+slow=600", stream=stream)):
        until(lambda: len(data_plane.events(bot)) == 1)
        time.sleep(0.1)  # the vendor has been asked
    data_plane.ended(bot)
    end, (item,) = data_plane.only(bot, CallSettled), data_plane.ledger(model)
    assert end.client_left
    assert (end.error, end.usage.source) == (None, UsageSource.REPORTED)
    assert end.usage.output_tokens == item["output_tokens"]


def test_who_only_has_nothing_more_to_say_still_gets_the_answer(
    data_plane: DataPlane, bot: TestBot
) -> None:
    with closing(ask(data_plane, bot, new_model("+slow=300"), stream=False)) as line:
        line.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := line.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b'"usage"' in answer
    data_plane.ended(bot)
    assert data_plane.only(bot, CallSettled).client_left


def test_who_stays_has_not_left(data_plane: DataPlane, bot: TestBot) -> None:
    assert data_plane.chat(bot, new_model("+slow=50")).status_code == 200
    assert not data_plane.only(bot, CallSettled).client_left


def test_server_and_proxy_speak_of_the_same_extensions() -> None:
    assert (TOLD, PASSED, ANSWERED) == (LEAVING, PASSING, ANSWERING)


@pytest.mark.soak
def test_who_leaves_an_answer_that_does_not_come_has_used_what_was_held(
    data_plane: DataPlane, bot: TestBot
) -> None:
    """It is waited for 30 s, and the vendor charges for what nobody came to know."""
    quota_id = limit(data_plane, bot, 100_000)
    with closing(ask(data_plane, bot, new_model("+slow=50000"), stream=False)):
        until(lambda: len(data_plane.events(bot)) == 1)
        time.sleep(0.1)  # the vendor has been asked
    until(lambda: len(data_plane.events(bot)) == 2, seconds=40)
    end, admitted = data_plane.only(bot, CallSettled), data_plane.only(bot, CallAdmitted)
    assert (end.error, end.usage.source) == ("client-left", UsageSource.ESTIMATED)
    assert (end.usage.input_tokens, end.usage.output_tokens) == (
        admitted.input_estimate,
        None,
    )
    (hold,) = admitted.holds
    assert balance(data_plane, quota_id) == Balance(settled=hold.amount, held=0)


# What is told of it.


def given_up(body: bytes, kind: str = "openai-chat", *, streaming: bool) -> Progress:
    """A call of that body whose client has left, and whose answer had begun by then."""
    _, holding = holding_of(body)
    holding.event = replace(holding.event, streaming=streaming, format=kind)
    return Progress(
        call_id=uuid4(),
        admitted=holding.event,
        started=0,
        holding=holding,
        http_status=200,
        sent=True,
        error="client-left",
    )


def nothing_said(output_bytes: int = 0) -> Reading:
    return Reading(
        usage=Usage(), model="m", complete=False, error=None, output_bytes=output_bytes
    )


@pytest.mark.parametrize(
    ("effort", "streaming", "seen", "written"),
    [
        ("none", True, 0, 0),  # whatever is written is seen
        ("high", True, 0, None),  # it may have thought for long
        ("none", False, 0, None),
        ("high", True, 41, 11),  # what was relayed is an estimate
    ],
)
def test_what_was_written_unseen_for_who_left_is_unknown(
    effort: str, *, streaming: bool, seen: int, written: int | None
) -> None:
    body = b'{"model":"gpt-5","messages":[],"reasoning_effort":"%b"}' % effort.encode()
    call = given_up(body, streaming=streaming)
    usage = usage_of(call, nothing_said(seen))
    assert (usage.output_tokens, usage.source) == (written, UsageSource.ESTIMATED)
    call.error = "upstream-cut"
    assert usage_of(call, nothing_said(seen)).output_tokens == (written or 0)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("openai-chat", (25, None, UsageSource.ESTIMATED)),
        ("openai-images", (None, None, UsageSource.ESTIMATED)),
        ("openai-realtime", (None, None, UsageSource.NONE)),  # there was no session
        (None, (None, None, UsageSource.NONE)),
    ],
)
def test_of_an_answer_that_was_given_up_it_is_known_what_was_asked(
    kind: str | None, told: tuple[int | None, int | None, UsageSource]
) -> None:
    call = given_up(b"{}", streaming=False)
    call.admitted = replace(call.admitted, format=kind)
    call.http_status = None
    assert usage_of(call, None) == Usage()
    call.unheard = True
    usage = usage_of(call, None)
    assert (usage.input_tokens, usage.output_tokens, usage.source) == told
    call.http_status = 503
    assert usage_of(call, None) == Usage()


# By the clock.


async def receive() -> Message:
    raise AssertionError


async def send(_: Message) -> None:
    raise AssertionError


@dataclass
class Line:
    """Plays the server that tells when its client leaves."""

    acts: list[Callable[[], None]] = field(default_factory=list)

    def told(self, act: Callable[[], None]) -> None:
        self.acts.append(act)

    def hang_up(self) -> None:
        (act,) = self.acts
        act()


async def waits(line: Line, seconds: float, answer: asyncio.Future[str]) -> str:
    client = Client(receive, send, line.told)
    client.watch(streaming=False)
    waiting = Waiting(client, seconds, asyncio.get_running_loop())
    try:
        return await answer
    except asyncio.CancelledError:
        if not waiting.given_up():
            raise
        return "given up"
    finally:
        waiting.stop()


@pytest.mark.anyio
async def test_an_answer_is_waited_for_so_long_and_no_longer() -> None:
    loop = asyncio.get_running_loop()
    line, answer = Line(), loop.create_future()
    task = asyncio.create_task(waits(line, 0.1, answer))
    await ticks()
    await asyncio.sleep(0.15)
    assert not task.done()
    line.hang_up()
    await asyncio.sleep(0.05)
    assert not task.done()
    assert await task == "given up"
    assert task.cancelling() == 0


@pytest.mark.anyio
async def test_an_answer_that_comes_in_time_is_taken() -> None:
    line, answer = Line(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(waits(line, 0.05, answer))
    await ticks()
    line.hang_up()
    answer.set_result("here")
    assert await task == "here"
    await asyncio.sleep(0.1)
    assert not task.cancelled()


@pytest.mark.anyio
async def test_a_proxy_that_stops_is_no_client_that_left() -> None:
    line, answer = Line(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(waits(line, 0, answer))
    await ticks()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.anyio
async def test_a_plain_answer_is_read_on_and_sent_to_whom_may_listen() -> None:
    scene = Scene(streaming=False, content_length=len(PLAIN))
    running = asyncio.create_task(scene.run())
    scene.say(PLAIN[:20])
    await ticks()
    scene.hung_up.set()
    await ticks()
    scene.say(PLAIN[20:])
    scene.answer.end(None)
    await running
    assert scene.seen == PLAIN
    assert (scene.end.client_left, scene.end.error) == (True, None)
    assert scene.end.usage.input_tokens == 7


@pytest.mark.anyio
@pytest.mark.parametrize("length", [len(PLAIN), None])
async def test_what_is_given_up_has_no_end_that_could_be_taken_for_one(
    monkeypatch: pytest.MonkeyPatch, length: int | None
) -> None:
    monkeypatch.setattr("proxy.relay.DRAIN_SECONDS", 0.05)
    scene = Scene(streaming=False, content_length=length)
    running = asyncio.create_task(scene.run())
    scene.say(PLAIN[:20])
    await ticks()
    scene.hung_up.set()
    async with asyncio.timeout(1):
        await running
    assert (scene.end.client_left, scene.end.error) == (True, "client-left")
    assert not scene.finished
    assert scene.aborted
