"""Load on a data plane, and what its clients saw: to be compared with both books later.

Until stopped, or for so many calls, 16 connections ask for plain and streamed answers of
three vendors, some of which are cut, and some clients hang up. Every call asks for a model
of its own, so that it is found again in the vendor's books.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from tests.journeys.plane import DataPlane, TestBot, chat_body, new_model
from tests.journeys.proxy_process import until

CONNECTIONS = 16
CALLERS = 32  # of the same thing
PAUSE = 0.02  # after a connection was refused
ANSWER_ID = re.compile(rb'"(?:id|responseId)": ?"(chatcmpl-\w+|msg_\w+|[0-9a-f]{16})"')


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One way to ask."""

    path: str
    body: dict[str, Any]
    directives: str = ""
    hangs_up: bool = False


def chat(directives: str = "", *, stream: bool = False, hangs_up: bool = False) -> Kind:
    return Kind(
        path="/openai/v1/chat/completions",
        body=chat_body("", stream=stream),
        directives=directives,
        hangs_up=hangs_up,
    )


def messages(directives: str = "", *, stream: bool = False) -> Kind:
    body = {**chat_body(""), "max_tokens": 500, "stream": stream}
    return Kind(path="/anthropic/v1/messages", body=body, directives=directives)


def gemini(directives: str = "", *, stream: bool = False) -> Kind:
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    body = {"contents": [{"parts": [{"text": "hello"}]}]}
    path = f"/google/v1beta/models/{{model}}:{method}"
    return Kind(path=path, body=body, directives=directives)


UNASKED = Kind(  # the proxy asks for the usage in the client's place
    path="/openai/v1/chat/completions",
    body={**chat_body(""), "stream": True},
    directives="+pace=5",
)
KINDS = (
    chat(),
    chat("+slow=60"),
    chat(stream=True),
    chat("+tokens=30+pace=10", stream=True),
    chat("+tokens=30+cut=6+pace=5", stream=True),
    chat("+tokens=30+pace=5", stream=True, hangs_up=True),
    UNASKED,
    messages(),
    messages("+cached=2+pace=5", stream=True),
    messages("+cut=4", stream=True),
    gemini(),
    gemini("+pace=10", stream=True),
)

FAILING = (  # each in a way of its own, and none so that a key would have to rest
    chat("+status=500"),
    chat("+status=400", stream=True),
    chat("+status=429+retry=0"),
    chat("+big=50000+cut=1"),
    chat("+nousage"),
    chat("+tokens=20+nousage", stream=True),
    chat("+tokens=20+error=5", stream=True),
    messages("+status=529+retry=0"),
    messages("+tokens=20+error=6", stream=True),
    messages("+tokens=20+nousage", stream=True),
    gemini("+status=503+retry=0"),
    gemini("+tokens=30+cut=9", stream=True),
    gemini("+tokens=20+error=5", stream=True),
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a client saw of one call."""

    model: str
    asked_at: float  # monotonic seconds
    took: float
    status: int | None = None  # None: no answer began
    whole: bool = False  # the last byte was seen
    call_id: UUID | None = None
    answer_id: str | None = None


@dataclass
class Load:
    """The clients; `outcomes` grows while they run."""

    bot: TestBot
    urls: tuple[str, ...]  # of the proxies, which take turns
    seed: int = 1
    kinds: tuple[Kind, ...] = KINDS
    model: Callable[[str], str] = new_model  # to ask for, with a kind's directives
    outcomes: list[Outcome] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def seen(self) -> list[Outcome]:
        """The answers whose last byte a client saw."""
        return [one for one in self.outcomes if one.whole and one.status == 200]

    def wait_for_answer(self) -> float:
        """One more answer was seen whole; how many seconds that took."""
        began, before = time.monotonic(), len(self.seen)
        until(lambda: len(self.seen) > before, seconds=30)
        return time.monotonic() - began

    def run(self, calls: int | None = None) -> None:
        """So many calls, or until it is stopped."""
        asyncio.run(self._run(itertools.count() if calls is None else iter(range(calls))))

    def stop(self) -> None:
        self._over.set()

    async def _run(self, turns: Iterator[int]) -> None:
        dice, limits = random.Random(self.seed), httpx.Limits(max_connections=CONNECTIONS)
        async with httpx.AsyncClient(timeout=30, limits=limits) as client:
            await asyncio.gather(
                *(self._ask(client, dice, turns) for _ in range(CONNECTIONS))
            )

    async def _ask(
        self, client: httpx.AsyncClient, dice: random.Random, turns: Iterator[int]
    ) -> None:
        for turn in turns:
            if self._over.is_set():
                return
            url = self.urls[turn % len(self.urls)]
            outcome = await self._one(client, url, dice.choice(self.kinds))
            self.outcomes.append(outcome)
            if outcome.status is None:
                await asyncio.sleep(PAUSE)

    async def _one(self, client: httpx.AsyncClient, url: str, kind: Kind) -> Outcome:
        model, asked_at = self.model(kind.directives), time.monotonic()
        body = {**kind.body, "model": model} if "model" in kind.body else kind.body
        url += kind.path.format(model=model)
        said: dict[str, Any] = {}
        data = b""
        try:
            async with client.stream(
                "POST", url, json=body, headers=self.bot.bearer
            ) as answer:
                said["status"] = answer.status_code
                said["call_id"] = UUID(answer.headers["x-call-id"])
                async for piece in answer.aiter_raw():
                    data += piece
                    if kind.hangs_up:
                        break
                else:
                    said["whole"] = True
        except httpx.TransportError:
            said["whole"] = False
        found = ANSWER_ID.search(data)
        if found:
            said["answer_id"] = found[1].decode()
        took = time.monotonic() - asked_at
        return Outcome(model=model, asked_at=asked_at, took=took, **said)


@contextmanager
def loaded(plane: DataPlane, *, seed: int = 1) -> Iterator[Load]:
    """Under load while the block lasts; afterwards every client has had its last answer."""
    load = Load(plane.new_bot(), (plane.url,), seed)
    thread = threading.Thread(target=load.run, name="load")
    thread.start()
    try:
        yield load
    finally:
        load.stop()
        thread.join()


def moments(count: int, *, seed: int, least: float, most: float) -> Iterator[float]:
    """Pauses of random length, in seconds, the same ones for the same seed."""
    dice = random.Random(seed)
    return (dice.uniform(least, most) for _ in itertools.repeat(None, count))


def answers(plane: DataPlane, bot: TestBot, seconds: float) -> list[tuple[int, float]]:
    """Status and duration of what many callers were answered in that time."""

    def ask() -> list[tuple[int, float]]:
        got, over = [], time.monotonic() + seconds
        with httpx.Client(timeout=30) as client:
            while time.monotonic() < over:
                began = time.monotonic()
                answer = client.post(
                    f"{plane.url}/openai/v1/chat/completions",
                    json=chat_body(new_model()),
                    headers=bot.bearer,
                )
                got.append((answer.status_code, time.monotonic() - began))
        return got

    with ThreadPoolExecutor(CALLERS) as pool:
        asked = [pool.submit(ask) for _ in range(CALLERS)]
        return [one for future in asked for one in future.result()]
