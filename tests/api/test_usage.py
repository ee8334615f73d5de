"""Usage over HTTP: three answers about the same calls that agree."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel

from api.usage_shapes import Breakdown, TotalsOut, Trend
from tests.api.calls import DAY, Calls
from tests.api.front import Front

NAMES = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_micro_usd",
)


def answers(
    front: Front, headers: dict[str, str], query: dict[str, str], granularity: str
) -> tuple[dict[str, int], ...]:
    """The same totals, asked for in three ways, at one position."""
    get = front.client.get
    summary = get("/api/usage/summary", params=query, headers=headers)
    trend = get(
        "/api/usage/trend", params=query | {"granularity": granularity}, headers=headers
    )
    calls = get("/api/usage/calls", params=query, headers=headers)
    positions = {one.headers["x-log-position"] for one in (summary, trend, calls)}
    assert positions == {f"calls={front.system.calls.head()}"}
    ended = [call for call in calls.json()["items"] if call["status"] != "open"]
    by_call = {name: sum(call[name] or 0 for call in ended) for name in NAMES}
    by_call["calls"] = len(ended)
    steps = trend.json()["items"]
    by_step = {name: sum(step[name] for step in steps) for name in by_call}
    whole = {name: summary.json()[name] for name in by_call}
    return whole, by_step, by_call


FILTERS: list[dict[str, str]] = [
    {},
    {"from": "2026-03-02T00:00:00Z", "to": "2026-03-02T01:00:00Z"},
    {"from": "2026-03-02T00:01:00Z", "to": "2026-03-02T01:01:00Z"},
    {"from": "2026-03-02T01:30:00+01:30", "to": "2026-03-02T03:00:00+00:30"},
    {"bot": "bob-1"},
    {"vendor": "anthropic"},
    {"model": "m2"},
    {"status": "refused"},
    {"status": "abandoned"},
    {"status": "settled", "vendor": "openai", "from": "2026-03-02T00:30:00Z"},
    {"provider_key": str(uuid4())},
]


@pytest.mark.parametrize("query", FILTERS, ids=range(len(FILTERS)))
def test_summary_trend_and_calls_agree(front: Front, query: dict[str, str]) -> None:
    agree(front, [query])


def test_they_agree_on_postgresql_too(real: Front) -> None:
    agree(real, FILTERS)


def agree(front: Front, queries: list[dict[str, str]]) -> None:
    me, other = front.registered(), front.registered()
    Calls(front, me["team"]["id"]).a_day()
    Calls(front, other["team"]["id"]).settled(DAY, tokens=10**6)
    front.system.pump()
    headers = front.bearer(me)
    for query in queries:
        for granularity in ("hour", "day", "week", "month"):
            whole, by_step, by_call = answers(front, headers, query, granularity)
            assert whole == by_step == by_call, (query, granularity)
        if query == {}:
            assert (whole["calls"], whole["input_tokens"]) == (13, 366)


def test_what_stands_for_nothing_in_a_view_is_no_name_to_ask_for(either: Front) -> None:
    me = either.registered()
    caller = Calls(either, me["team"]["id"])
    nameless = {"bot_id": None, "hostname": None, "provider_key_id": None}
    caller.settled(DAY, model=None, requested_model=None, **nameless)
    either.system.pump()
    headers = either.bearer(me)
    for query in ({"bot": ""}, {"model": ""}, {"provider_key": str(UUID(int=0))}):
        for time in ({}, {"from": "2026-03-01T12:00:30Z"}):
            for granularity in ("minute", "hour") if time else ("hour",):
                asked = query | time | {"to": "2026-03-03T00:00:00Z"}
                whole, by_step, by_call = answers(either, headers, asked, granularity)
                assert whole == by_step == by_call, asked
                assert whole["calls"] == 0


def test_a_bot_does_not_take_over_the_usage_of_who_had_its_hostname(either: Front) -> None:
    me = either.registered()
    headers, caller = either.bearer(me), Calls(either, me["team"]["id"])
    ids = []
    for calls in (1, 2):
        new = {"name": "Ada", "hostname": "ada-1"}
        made = either.client.post("/api/bot", json=new, headers=headers).json()["bot"]
        ids.append(made["id"])
        for _ in range(calls):
            caller.settled(DAY, bot_id=UUID(made["id"]), hostname="ada-1")
        if calls == 1:
            either.client.delete("/api/bot/ada-1", headers=headers)
    either.system.pump()

    def counted(path: str, **query: str) -> list[int]:
        answers = [
            either.client.get(f"{path}/{one}", params=query, headers=headers).json()
            for one in ("summary", "trend", "calls")
        ]
        steps = [step["calls"] for step in answers[1]["items"]]
        return [answers[0]["calls"], sum(steps), len(answers[2]["items"])]

    assert counted("/api/bot/ada-1/usage") == [2, 2, 2]
    assert counted("/api/bot/ada-1/usage", bot=ids[1]) == [2, 2, 2]
    assert counted("/api/usage", bot="ada-1") == [3, 3, 3]
    assert counted("/api/usage", bot=ids[0]) == [1, 1, 1]
    assert counted("/api/usage", bot=ids[1], vendor="openai") == [2, 2, 2]
    assert counted("/api/usage", bot=str(uuid4())) == [0, 0, 0]
    other = either.client.get(f"/api/bot/ada-1/usage/summary?bot={ids[0]}", headers=headers)
    assert other.json()["errors"] == [{"field": "bot", "code": "another-bot"}]


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("summary", TotalsOut),
        ("trend", Trend),
        ("breakdown?group_by=bot", Breakdown),
        ("breakdown?group_by=vendor", Breakdown),
    ],
)
def test_an_answer_is_written_as_its_model_writes_it(
    front: Front, path: str, shape: type[BaseModel]
) -> None:
    me = front.registered()
    Calls(front, me["team"]["id"]).a_day()
    front.system.pump()
    answer = front.client.get(f"/api/usage/{path}", headers=front.bearer(me))
    written = shape.model_validate_json(answer.content).model_dump_json()
    assert answer.text == written
    assert answer.headers["content-type"] == "application/json"
    assert "x-log-position" in answer.headers


@pytest.mark.parametrize(
    ("granularity", "start"),
    [
        ("minute", "2026-03-08T23:59:00Z"),
        ("hour", "2026-03-08T23:00:00Z"),
        ("day", "2026-03-08T00:00:00Z"),
        ("week", "2026-03-02T00:00:00Z"),
        ("month", "2026-03-01T00:00:00Z"),
    ],
)
def test_weeks_begin_on_mondays_and_all_steps_in_utc(
    either: Front, granularity: str, start: str
) -> None:
    me = either.registered()
    Calls(either, me["team"]["id"]).settled(DAY + timedelta(days=7, seconds=-1))
    either.system.pump()
    headers = either.bearer(me)
    for ends in ({"from": "2026-03-08T22:30:00Z"}, {"from": "2026-03-08T23:59:30Z"}):
        asked = ends | {"to": "2026-03-09T00:30:30Z", "granularity": granularity}
        found = either.client.get("/api/usage/trend", params=asked, headers=headers)
        assert [item["start"] for item in found.json()["items"]] == [start]


def test_calls_are_paged_newest_first(either: Front) -> None:
    me = either.registered()
    Calls(either, me["team"]["id"]).a_day()
    either.system.pump()
    headers, seen, cursor = either.bearer(me), [], ""
    whole = either.client.get("/api/usage/calls", headers=headers).json()["items"]
    while cursor is not None:
        url = f"/api/usage/calls?limit=4&cursor={cursor}".removesuffix("&cursor=")
        page = either.client.get(url, headers=headers).json()
        seen += page["items"]
        cursor = page["next_cursor"]
    assert seen == whole
    times = [call["admitted_at"] for call in seen]
    assert times == sorted(times, reverse=True)
    assert {call["status"] for call in seen} == {"settled", "refused", "abandoned", "open"}


def test_a_bots_usage_is_its_own(front: Front) -> None:
    me, other = front.registered(), front.registered()
    headers = front.bearer(me)
    for hostname in ("ada-1", "bob-1"):
        new = {"name": "Bot", "hostname": hostname}
        made = front.client.post("/api/bot", json=new, headers=headers).json()
    caller = Calls(front, me["team"]["id"])
    caller.a_day()
    caller.settled(DAY, bot_id=UUID(made["bot"]["id"]), hostname="bob-1")
    front.system.pump()
    get = front.client.get
    assert get("/api/bot/bob-1/usage/summary", headers=headers).json()["calls"] == 1
    assert len(get("/api/bot/bob-1/usage/calls", headers=headers).json()["items"]) == 1
    assert len(get("/api/bot/bob-1/usage/trend", headers=headers).json()["items"]) == 1
    asked = get("/api/bot/bob-1/usage/summary?bot=ada-1", headers=headers)
    assert asked.status_code == 422
    foreign = get("/api/bot/bob-1/usage/summary", headers=front.bearer(other))
    assert foreign.status_code == 404


def test_calls_are_exported_and_no_cell_is_a_formula(either: Front) -> None:
    me = either.registered()
    caller = Calls(either, me["team"]["id"])
    caller.settled(DAY, model='=HYPERLINK("x")', requested_model="-1")
    caller.settled(DAY + timedelta(minutes=1), model="a,b\nc", requested_model="\uff1d1")
    either.system.pump()
    headers = either.bearer(me)
    page = either.client.get("/api/usage/calls", headers=headers).json()["items"]
    text = either.client.get("/api/usage/calls", headers=headers | {"Accept": "text/csv"})
    assert text.headers["content-type"] == "text/csv; charset=utf-8"
    assert text.headers["x-log-position"] == f"calls={either.system.calls.head()}"
    rows = list(csv.DictReader(io.StringIO(text.text, newline="")))
    assert [row["call_id"] for row in rows] == [call["call_id"] for call in page]
    assert [row["model"] for row in rows] == ["a,b\nc", '\'=HYPERLINK("x")']
    assert [row["requested_model"] for row in rows] == ["'\uff1d1", "'-1"]
    lines = either.client.get("/api/usage/calls?format=ndjson", headers=headers)
    assert [json.loads(line) for line in lines.text.splitlines()] == page


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "from=2026-03-02",
        "to=2026-03-02T00:00:00",
        "from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z",
        "from=9999-12-31T23:59:59-23:59",
        "provider_key=7",
        "status=open",
        "vendr=openai",
        "hostname=ada-1",
        "granularity=hour",
        "limit=10",
    ],
)
def test_a_wrong_question_is_refused(front: Front, query: str) -> None:
    answer = front.client.get(f"/api/usage/summary?{query}", headers=front.someone())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_a_question_waits_for_its_view(front: Front) -> None:
    me = front.registered()
    Calls(front, me["team"]["id"]).settled(DAY)
    front.system.pump()
    head = front.system.calls.head()
    for path in ("summary", "trend", "calls"):
        answer = front.client.get(
            f"/api/usage/{path}?after_position=fleet=1,calls={head}",
            headers=front.bearer(me),
        )
        assert answer.status_code == 200
