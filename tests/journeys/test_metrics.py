"""The numbers of a proxy as it is shipped: those of the log, and they give nothing away."""

from __future__ import annotations

import re

import httpx

from domain.calls import CallSettled
from tests.journeys.plane import DataPlane, TestBot, chat_body, new_model

NUMBER = re.compile(r'^(clawbot_\w+|process_\w+)\{process="proxy"(?:,(.*))?\} (\S+)$')


def numbers(plane: DataPlane) -> dict[tuple[str, str], float]:
    """Every number of the page, by name and labels."""
    page = httpx.get(f"{plane.proxy.url}/metrics")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {}
    for line in page.text.splitlines():
        if not line.startswith("#"):
            match = NUMBER.fullmatch(line)
            assert match is not None, line
            found[match[1], match[2] or ""] = float(match[3])
    return found


def test_what_was_settled_is_what_is_counted(data_plane: DataPlane, bot: TestBot) -> None:
    before = numbers(data_plane)
    data_plane.chat(bot, new_model())
    data_plane.chat(bot, new_model(), stream=True)
    data_plane.chat(TestBot(bot_id=bot.bot_id, hostname="x", token="cbt_canary"), "m")
    data_plane.ended(bot, 2)
    after = numbers(data_plane)
    grown = {key: n - before.get(key, 0) for key, n in after.items()}
    ends = [e.event for e in data_plane.events(bot) if isinstance(e.event, CallSettled)]
    of = 'vendor="openai"'
    assert grown["clawbot_calls_total", f'{of},status="200",outcome="ok"'] == 2
    for kind, field in (("input", "input_tokens"), ("output", "output_tokens")):
        told = sum(getattr(end.usage, field) for end in ends)
        assert grown["clawbot_tokens_total", f'{of},kind="{kind}"'] == told > 0
    assert grown["clawbot_first_byte_seconds_count", of] == 2
    assert grown["clawbot_call_seconds_count", of] == 2
    assert grown["clawbot_commit_batch_size_sum", ""] == 4
    assert grown["clawbot_commit_wait_seconds_count", 'event="call.settled"'] == 2
    assert grown["clawbot_refusals_total", 'code="unauthenticated"'] == 1
    assert after["clawbot_open_calls", ""] == 0
    assert 0 <= after["clawbot_route_table_lag_seconds", ""] < 5
    assert after["process_resident_memory_bytes", ""] > 0


def test_an_open_call_is_seen(data_plane: DataPlane, bot: TestBot) -> None:
    stream = data_plane.client.stream(
        "POST",
        f"{data_plane.url}/openai/v1/chat/completions",
        json=chat_body(new_model("+pace=100+tokens=20"), stream=True),
        headers=bot.bearer,
    )
    with stream as answer:
        assert answer.status_code == 200
        next(answer.iter_bytes())
        assert numbers(data_plane)["clawbot_open_calls", ""] == 1
    data_plane.ended(bot)


def test_nothing_of_a_bot_or_a_secret_is_in_them(
    data_plane: DataPlane, bot: TestBot
) -> None:
    model = new_model()
    data_plane.chat(bot, model)
    data_plane.chat(bot, new_model("+status=429"))
    page = httpx.get(f"{data_plane.proxy.url}/metrics").text
    hidden = (bot.token, bot.hostname, str(bot.bot_id), model, data_plane.secret, "hello")
    assert not [text for text in hidden if text in page]


def test_who_was_passed_on_by_a_reverse_proxy_gets_the_same_404_as_for_any_path(
    data_plane: DataPlane,
) -> None:
    passed = {"X-Forwarded-For": "192.0.2.7"}
    here = httpx.get(f"{data_plane.proxy.url}/metrics", headers=passed)
    nowhere = httpx.get(f"{data_plane.proxy.url}/nothing", headers=passed)
    said = [answer.json() for answer in (here, nowhere)]
    assert (here.status_code, nowhere.status_code) == (404, 404)
    assert said[0].pop("request_id") != said[1].pop("request_id")
    assert said[0] == said[1]
