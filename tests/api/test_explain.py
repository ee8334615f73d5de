"""Why a call went as it did, and how its quota stood then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from application.event_log import Caller, acting
from domain.attempts import Attempt
from domain.calls import Call
from domain.quotas import Window
from domain.verdicts import Verdict
from tests.api.calls import Calls, admitted, settled
from tests.api.front import Front
from tests.api.test_quotas import created
from tests.held_calls import HeldCalls, quota_of


class Person:
    """A user with a quota of 100 tokens in all, and calls under it."""

    def __init__(self, front: Front) -> None:
        signed_in = front.registered()
        self.team_id = UUID(signed_in["team"]["id"])
        self.headers = front.bearer(signed_in)
        self.quota_id = UUID(created(front, self.headers, window="total", limit=100)["id"])
        quota = quota_of(self.team_id, Window.TOTAL)
        self.calls = HeldCalls(front.system.calls, self.quota_id, quota)
        self._front = front

    def explained(self, call_id: UUID) -> Any:
        answer = self._front.client.get(
            f"/api/call/{call_id}/explain", headers=self.headers
        )
        assert answer.status_code == 200, answer.text
        assert (
            answer.headers["x-log-position"] == f"calls={self._front.system.calls.head()}"
        )
        return answer.json()

    def balance(self, at: object) -> Any:
        url = f"/api/quota/{self.quota_id}/balance"
        answer = self._front.client.get(url, params={"at": str(at)}, headers=self.headers)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["quota_id"] == str(self.quota_id)
        return body["settled"], body["held"], body["remaining"], body["limit"]


def test_a_settled_call_is_explained_from_its_request_to_its_end(either: Front) -> None:
    me = Person(either)
    me.calls.used(30)
    call_id = me.calls.admitted(20)
    me.calls.extended(call_id, 5)
    me.calls.settled(call_id, 22)
    told = me.explained(call_id)
    facts = me.calls.facts
    assert told["call"] | {"admitted_at": ""} == {
        "call_id": str(call_id),
        "status": "settled",
        "bot_id": str(facts.bot_id),
        "hostname": "ada-1",
        "vendor": "openai",
        "model": "m1",
        "requested_model": "m1",
        "provider_key_id": str(facts.provider_key_id),
        "admitted_at": "",
    }
    assert told["request"]["path"] == "/v1/chat/completions"
    assert told["request"]["requested_model"] == "m1"
    assert [one["amount"] for one in told["holds"]] == [20, 5]
    assert told["holds"][0]["scope"] == {"kind": "team", "id": str(me.team_id)}
    stood = [(one["settled"], one["held"], one["remaining"]) for one in told["balances"]]
    assert stood == [(30, 0, 70), (30, 20, 50)]
    assert told["price"] == {"cost_micro_usd": 7, "price_source": "list", "model": "m1"}
    assert (told["usage"]["input_tokens"], told["usage"]["source"]) == (22, "reported")
    end = told["settlement"]
    assert (end["ended_as"], end["http_status"], end["corrections"]) == ("settled", 200, [])
    booked = [(one["released"], one["settled"]) for one in end["bookings"]]
    assert booked == [(25, 22)]
    (candidate,) = told["candidates"]
    assert candidate["provider_key_id"] == str(facts.provider_key_id)
    assert told["refusal"] is None


def test_a_refused_call_says_which_quota_said_no_and_why(either: Front) -> None:
    me = Person(either)
    me.calls.used(30)
    me.calls.admitted(40)
    told = me.explained(me.calls.refused(50))
    refusal = told["refusal"]
    assert refusal["code"] == "quota-exceeded"
    assert refusal["quota"]["quota_id"] == str(me.quota_id)
    assert refusal["needed"] == 50
    assert (refusal["balance"]["settled"], refusal["balance"]["held"]) == (30, 40)
    assert refusal["balance"]["remaining"] == 30
    assert refusal["why"] == (
        "The call needs 50 at least, and of 100 tokens 30 are used and 40 held by calls "
        "under way. Its window has no end."
    )
    for nothing in ("price", "usage", "settlement"):
        assert told[nothing] is None
    assert (told["holds"], told["candidates"]) == ([], [])
    assert told["balances"] == [refusal["balance"]]
    facts = me.calls.facts
    assert {name: said for name, said in told["request"].items() if said is not None} == {
        "at": told["call"]["admitted_at"],
        "bot_id": str(facts.bot_id),
        "hostname": "ada-1",
        "vendor": "openai",
        "requested_model": "m1",
    }
    assert told["call"]["status"] == "refused"


def test_a_refusal_for_want_of_a_price_needs_no_amount(front: Front) -> None:
    me = Person(front)
    refusal = me.explained(me.calls.refused(0, "unpriced-call"))["refusal"]
    assert (refusal["code"], refusal["needed"]) == ("unpriced-call", None)
    assert "nobody knows what the call can cost" in refusal["why"]


def test_an_abandoned_call_that_was_settled_late_tells_both(either: Front) -> None:
    me = Person(either)
    call_id = me.calls.admitted(20)
    assert me.explained(call_id)["settlement"] is None
    me.calls.abandoned(call_id)
    me.calls.corrected(call_id, 15)
    told = me.explained(call_id)
    end = told["settlement"]
    assert (end["ended_as"], end["bookings"][0]["settled"]) == ("abandoned", 20)
    (correction,) = end["corrections"]
    assert (correction["reason"], correction["bookings"][0]["settled"]) == (
        "settled-late",
        -5,
    )
    assert told["usage"]["input_tokens"] == 15


def test_every_key_that_was_tried_is_told(front: Front) -> None:
    me = Person(front)
    calls = Calls(front, str(me.team_id))
    facts = calls.facts(datetime.now(UTC))
    tried = [
        Attempt(
            provider_key_id=uuid4(),
            good_version=1,
            http_status=status,
            verdict=verdict,
            error=None,
            ms=5,
        )
        for status, verdict in ((429, Verdict.THROTTLED), (200, Verdict.OK))
    ]
    call_id = uuid4()
    end = replace(settled(facts, 3), attempt_log=tuple(tried))
    with acting(Caller("bot:test", me.team_id)):
        log = front.system.calls
        log.append(log.begin(Call(), call_id), [admitted(facts), end])
    told = me.explained(call_id)["candidates"]
    assert [(one["http_status"], one["verdict"]) for one in told] == [
        (429, "throttled"),
        (200, "ok"),
    ]
    assert [one["provider_key_id"] for one in told] == [
        str(one.provider_key_id) for one in tried
    ]


def test_a_balance_is_told_as_it_was_at_a_time_or_a_position(either: Front) -> None:
    me = Person(either)
    start = either.system.calls.head()
    call_id = me.calls.admitted(40)
    between = datetime.now(UTC)
    me.calls.settled(call_id, 25)
    url = f"/api/quota/{me.quota_id}"
    either.client.patch(url, json={"limit": 20}, headers=me.headers)
    assert me.balance(f"calls={start + 1}") == (0, 40, 60, 100)
    assert me.balance(between.isoformat()) == (0, 40, 60, 100)
    assert me.balance(f"calls={start + 2}") == (25, 0, 75, 100)
    assert me.balance(datetime.now(UTC).isoformat()) == (25, 0, 0, 20)
    both = f"fleet={either.system.fleet.head()},calls={start + 1}"
    assert me.balance(both) == (0, 40, 0, 20)


def test_the_present_balance_is_the_one_that_admission_decides_on(
    real: Front, database_url: str
) -> None:
    me = Person(real)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO quota_balance VALUES (%s, '1970-01-01T00:00:00Z', NULL, 120, 7)",
            (me.quota_id,),
        )
    url = f"/api/quota/{me.quota_id}/balance"
    answer = real.client.get(url, headers=me.headers)
    assert answer.json() == {
        "quota_id": str(me.quota_id),
        "limit": 100,
        "settled": 120,
        "held": 7,
        "remaining": 0,
        "window_start": "1970-01-01T00:00:00Z",
        "window_end": None,
    }
    assert answer.headers["x-log-position"] == f"fleet={real.system.fleet.head()},calls=0"


def test_the_present_balance_moves_with_the_calls(front: Front) -> None:
    me = Person(front)
    me.calls.used(30)
    me.calls.admitted(7)
    url = f"/api/quota/{me.quota_id}/balance"
    body = front.client.get(url, headers=me.headers).json()
    assert (body["settled"], body["held"], body["remaining"]) == (30, 7, 63)


@pytest.mark.parametrize("path", ["balance", "balance?at=fleet=1"])
def test_another_teams_balance_is_not_there(either: Front, path: str) -> None:
    me, other = Person(either), Person(either)
    url = f"/api/quota/{other.quota_id}/{path}"
    assert either.client.get(url, headers=me.headers).status_code == 404
