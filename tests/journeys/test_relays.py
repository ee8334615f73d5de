"""A bot's plugin and channel from end to end: proxy, worker, vault, and the log between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import httpx2
import pytest

from domain.bot_events import (
    BotQuarantined,
    BotTokenIssued,
    TokenScope,
)
from tests.journeys.plane import TestBot, new_token
from tests.journeys.proxy_process import until
from tests.journeys.relays import (
    BEGIN,
    BOTH,
    LET_GO,
    SECRET,
    TOKEN,
    WAITS,
    Relays,
    relays,
    running_alone,
)

__all__ = ["relays"]


@pytest.fixture
def bot(relays: Relays) -> TestBot:
    return relays.plane.new_bot()


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=20) as http:
        yield http


def known(relays: Relays) -> None:
    """The proxies know what has happened until now."""
    time.sleep(0.5)
    assert relays.plane.proxy.answers()


def test_a_bots_telegram_is_reached_with_the_surrogate_and_never_shows_the_token(
    relays: Relays, bot: TestBot, http: httpx2.Client
) -> None:
    base = relays.telegram_of(bot)
    known(relays)
    answer = http.post(f"{base}/getUpdates", json={"timeout": 50})
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "result": []})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert UUID(answer.headers["x-request-id"])
    assert relays.telegram.asked[-1].target == f"/bot{TOKEN}/getUpdates"
    place, _, path = base.partition("/api/")
    coded = f"{place}/api/{path.replace(':', '%3A')}"
    assert http.get(f"{coded}/getMe?a=%20b").status_code == 200
    assert relays.telegram.asked[-1].target == f"/bot{TOKEN}/getMe?a=%20b"
    upload = bytes(3_000_000)
    sent = http.post(f"{base}/sendDocument", files={"document": upload})
    assert sent.status_code == 200
    assert upload in relays.telegram.asked[-1].body


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("setWebhook", 403),
        ("../getMe", 403),
        ("getMe/..%2f..%2fx", 403),
        ("file/..", 403),
        ("", 403),
    ],
)
def test_what_the_relay_does_not_allow_gets_no_further_than_the_proxy(
    relays: Relays, bot: TestBot, http: httpx2.Client, path: str, status: int
) -> None:
    base = relays.telegram_of(bot)
    known(relays)
    before = len(relays.telegram.asked)
    url = httpx2.URL(f"{base}/")
    target = url.raw_path + path.encode()
    answer = http.post(url, extensions={"target": target})
    assert (answer.status_code, answer.json()["error_code"]) == (status, status)
    assert UUID(answer.headers["x-request-id"])
    assert len(relays.telegram.asked) == before


def test_no_other_token_opens_a_channel(
    relays: Relays, bot: TestBot, http: httpx2.Client
) -> None:
    base = relays.telegram_of(bot)
    known(relays)
    forged = base[:-1] + ("A" if base[-1] != "A" else "B")
    place = f"{relays.plane.url}/channel/telegram"
    for url in (forged, f"{place}/bot{TOKEN}", f"{place}/bot{bot.token}", place):
        answer = http.post(f"{url}/getMe", headers=bot.bearer)
        assert (answer.status_code, answer.json()["ok"]) == (401, False)
    assert http.post(f"{relays.plane.url}/channel/discord/x").status_code == 404


def test_a_bots_plugin_answers_with_the_secret_that_the_bot_never_has(
    relays: Relays, bot: TestBot, http: httpx2.Client
) -> None:
    url = relays.plugin_of(bot)
    began = http.post(url, json=BEGIN, headers={**bot.bearer, **BOTH})
    assert began.status_code == 200
    headers = {**bot.bearer, **BOTH, "mcp-session-id": began.headers["mcp-session-id"]}
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call"}
    environment = call | {"params": {"name": "environment", "arguments": {}}}
    said = http.post(url, json=environment, headers=headers).text
    assert "API_KEY" in said
    assert SECRET not in said
    assert "MASTER_KEY" not in said
    slow = call | {
        "params": {"name": "slow", "arguments": {}, "_meta": {"progressToken": 7}}
    }
    told = http.post(url, json=slow, headers=headers)
    assert told.headers["content-type"] == "text/event-stream"
    assert told.text.count("notifications/progress") == 3
    assert http.delete(url, headers=headers).status_code == 204
    assert http.post(url, json=environment, headers=headers).status_code == 404


def test_a_plugin_is_for_its_bots_own_token_as_it_is(
    relays: Relays, bot: TestBot, http: httpx2.Client
) -> None:
    url = relays.plugin_of(bot)
    neighbour = relays.plane.new_bot()
    narrow = new_token()
    issued = BotTokenIssued(
        token_hash=relays.plane.token_hash(narrow),
        previous_end_at=datetime(2100, 1, 1, tzinfo=UTC),
        scope=TokenScope(vendors=("openai",)),
    )
    relays.happened(bot.bot_id, issued)
    codes = {
        "cbt_nobody": (401, "unauthenticated"),
        narrow: (403, "token-is-narrowed"),
        neighbour.token: (404, "no-such-plugin"),
    }
    for token, (status, code) in codes.items():
        answer = http.post(url, json=BEGIN, headers={"x-api-key": token, **BOTH})
        assert (answer.status_code, answer.json()["error"]["data"]["code"]) == (
            status,
            code,
        )
    odd = http.post(f"{relays.plane.url}/mcp/../little", headers=bot.bearer)
    assert odd.status_code in {403, 404}


def test_nothing_of_a_secret_is_in_the_proxys_log(
    relays: Relays, bot: TestBot, http: httpx2.Client
) -> None:
    base, url = relays.telegram_of(bot), relays.plugin_of(bot)
    known(relays)
    assert http.post(f"{base}/getMe").status_code == 200
    assert http.post(f"{base}/logOut").status_code == 403
    http.post(url, json=BEGIN, headers={**bot.bearer, **BOTH})
    written = relays.plane.proxy.log.read_text()
    for secret in (TOKEN, SECRET, bot.token, base.rpartition("/bot")[2]):
        assert secret not in written


def test_a_bot_has_so_many_requests_at_once_and_no_more(
    relays: Relays, bot: TestBot, http: httpx2.Client
) -> None:
    bases = [relays.telegram_of(bot) for _ in range(5)]
    known(relays)
    for base in bases:  # their tokens are open before 70 threads share the worker's process
        assert http.post(f"{base}/getMe").status_code == 200

    def ask(nth: int) -> int:
        asked = httpx2.post(f"{bases[nth % 5]}/getUpdates", content=WAITS, timeout=40)
        assert asked.status_code in {200, 429}, asked.text
        return asked.status_code

    with ThreadPoolExecutor(70) as pool:
        asking = [pool.submit(ask, nth) for nth in range(70)]
        try:
            until(lambda: sum(one.done() for one in asking) >= 6, seconds=20)
        finally:
            LET_GO.set()
        statuses = sorted(one.result() for one in asking)
    assert statuses == [200] * 64 + [429] * 6
    assert http.post(f"{bases[0]}/getUpdates").status_code == 200


def test_quarantine_cuts_plugins_and_channels(
    relays: Relays, bot: TestBot, http: httpx2.Client
) -> None:
    url, base = relays.plugin_of(bot), relays.telegram_of(bot)
    began = http.post(url, json=BEGIN, headers={**bot.bearer, **BOTH})
    assert began.status_code == 200
    relays.happened(bot.bot_id, BotQuarantined(reason="abuse"))
    known(relays)
    headers = {**bot.bearer, **BOTH, "mcp-session-id": began.headers["mcp-session-id"]}
    assert http.post(url, json=BEGIN, headers=headers).status_code == 401
    assert http.post(f"{base}/getMe").status_code == 403


def test_without_a_worker_it_is_said_so_at_once(
    relays: Relays, http: httpx2.Client
) -> None:
    """The data plane's own calls do not need one."""
    bot = relays.plane.new_bot()
    with running_alone(relays) as proxy_url:
        answer = http.post(f"{proxy_url}/mcp/little", json=BEGIN, headers=bot.bearer)
        assert (answer.status_code, answer.json()["error"]["data"]["code"]) == (
            503,
            "relay-unavailable",
        )
