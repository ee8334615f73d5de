"""Usage and routing statistics as they were: what was answered then is answered again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from application.event_log import Caller, acting
from domain.calls import (
    Call,
    CallAbandoned,
    CallCorrected,
    CallEvent,
    CallRefused,
    CallStatus,
)
from domain.usage import Usage
from tests.api.calls import DAY, Calls, admitted, settled, usage
from tests.api.front import Front

FROM = {"from": DAY.isoformat()}
ASKED: list[tuple[str, dict[str, str]]] = [
    ("/api/usage/summary", {}),
    ("/api/usage/summary", FROM | {"vendor": "anthropic"}),
    ("/api/usage/summary", {"status": "abandoned"}),
    ("/api/usage/trend", {"granularity": "hour"}),
    ("/api/usage/trend", FROM | {"granularity": "minute", "to": "2026-03-03T00:00:00Z"}),
    ("/api/usage/calls", {}),
    ("/api/usage/calls", {"limit": "2", "model": "m1"}),
    ("/api/usage/calls", {"format": "csv"}),
    ("/api/routing/statistics", FROM | {"to": "2026-03-04T00:00:00Z"}),
]


class Story:
    """A team whose calls come, end and are corrected, step by step."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.me = front.registered()
        self.team_id = UUID(self.me["team"]["id"])
        self.calls = Calls(front, self.me["team"]["id"])
        self.seen: dict[str, list[Any]] = {}

    def records(self, call_id: UUID, *events: CallEvent) -> None:
        log = self.front.system.calls
        with acting(Caller("bot:test", self.team_id, "request-7")):
            log.append(log.look(Call(), call_id), events)
        self.looks()

    def looks(self) -> None:
        """What is answered now is kept under the position it was read at."""
        self.front.system.pump()
        answers = [self.asks(path, query) for path, query in ASKED]
        (position,) = {answer.headers["x-log-position"] for answer in answers}
        self.seen[position] = [_told(answer) for answer in answers]

    def asks(self, path: str, query: dict[str, str]) -> Any:
        headers = self.front.bearer(self.me)
        answer = self.front.client.get(path, params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer

    def tell(self) -> None:
        self.looks()  # before anything
        first, second, third, lost = (uuid4() for _ in range(4))
        facts = self.calls.facts(DAY + timedelta(minutes=3))
        key = uuid4()  # a key is of one vendor
        other = self.calls.facts(
            DAY + timedelta(minutes=4), vendor="anthropic", provider_key_id=key
        )
        self.records(first, admitted(facts))
        self.records(second, admitted(other))
        elsewhere = replace(facts, vendor="anthropic", model="m2", provider_key_id=key)
        self.records(first, settled(elsewhere, 20))
        self.records(third, CallRefused(facts=facts, code="no-usable-key"))
        self.records(lost, admitted(facts), CallAbandoned(facts=facts, usage=Usage()))
        self.records(second, settled(other, None))
        corrected = CallCorrected(
            facts=facts,
            ended_as=CallStatus.ABANDONED,
            before=Usage(),
            now=usage(5),
            before_cost_micro_usd=None,
            cost_micro_usd=3,
            http_status=200,
            reason="settled-late",
        )
        self.records(lost, corrected)
        self.calls.a_day()
        self.looks()


def _told(answer: Any) -> Any:
    body = answer.text if answer.text[:1] not in "{[" else answer.json()
    if isinstance(body, dict):
        body.pop("next_cursor", None)  # sealed anew each time
    return body


def test_what_was_answered_at_a_position_is_answered_again(either: Front) -> None:
    story = Story(either)
    story.tell()
    assert len(story.seen) == 9
    assert len({str(answers) for answers in story.seen.values()}) == 9
    for position, then in story.seen.items():
        for (path, query), told in zip(ASKED, then, strict=True):
            answer = story.asks(path, query | {"at": position})
            assert answer.headers["x-log-position"] == position
            assert _told(answer) == told, (position, path, query)


def test_a_page_of_past_calls_goes_on_where_the_last_one_ended(either: Front) -> None:
    story = Story(either)
    story.calls.a_day()
    story.looks()
    (position,) = story.seen
    story.calls.a_day()
    story.front.system.pump()
    query, found = {"at": position, "limit": "3"}, []
    while True:
        page = story.asks("/api/usage/calls", query).json()
        found += page["items"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    whole = next(
        told
        for (path, asked), told in zip(ASKED, story.seen[position], strict=True)
        if (path, asked) == ("/api/usage/calls", {})
    )
    assert found == whole["items"]


def test_a_time_stands_for_the_position_that_was_reached_by_then(either: Front) -> None:
    story = Story(either)
    story.calls.settled(DAY, 7)
    story.looks()
    ((position, before),) = story.seen.items()
    time = datetime.now(UTC)
    story.calls.settled(DAY, 9)
    story.front.system.pump()
    answer = story.asks("/api/usage/summary", {"at": time.isoformat()})
    assert answer.headers["x-log-position"] == position
    assert _told(answer) == before[0]


def test_the_usage_of_one_bot_is_read_as_it_was_too(either: Front) -> None:
    story = Story(either)
    headers = either.bearer(story.me)
    new = {"name": "Ada", "hostname": "ada-1"}
    made = either.client.post("/api/bot", json=new, headers=headers).json()["bot"]
    bot_id = UUID(made["id"])
    story.calls.settled(DAY, 7, bot_id=bot_id)
    story.calls.settled(DAY, 7, hostname="bob-1")
    story.looks()
    (position,) = story.seen
    story.calls.settled(DAY, 9, bot_id=bot_id)
    story.front.system.pump()
    url = "/api/bot/ada-1/usage/summary"
    assert story.asks(url, {"at": position}).json()["calls"] == 1
    assert story.asks(url, {}).json()["calls"] == 2


@pytest.mark.parametrize(
    "path",
    [
        "/api/usage/summary",
        "/api/usage/trend",
        "/api/usage/calls",
        "/api/routing/statistics",
        "/api/bot",
        "/api/provider-key",
        "/api/quota",
    ],
)
@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("yesterday", "time"),
        ("2026-01-01T00:00:00", "time"),
        ("2199-01-01T00:00:00Z", "in-the-future"),
        ("fleet=-1", "not-a-position"),
        ("calls=999999999", "not-reached"),
        ("moon=1", "not-a-position"),
    ],
)
def test_what_is_no_time_of_the_past_is_refused(
    front: Front, path: str, at: str, code: str
) -> None:
    answer = front.client.get(path, params={"at": at}, headers=front.someone())
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "at", "code": code}]
