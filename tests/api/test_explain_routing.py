"""Why an `auto` call went where it did, as its explanation tells it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from application.event_log import Caller, acting
from domain.attempts import Attempt
from domain.calls import Call, CallAdmitted, CallEvent, CallSettled
from domain.holds import Hold, PassedOver
from domain.quotas import Metric, Mode, ScopeKind
from domain.routing_decision import RoutingRecord, Skipped, WhyNot
from domain.routing_policy import RouteTarget
from domain.verdicts import Verdict
from tests.api.front import Front
from tests.projections.given_routed import (
    GPT,
    KEYS,
    OPUS,
    a_record,
    served,
    turned_away,
)

GEMINI = RouteTarget(vendor="google", model="gemini-2.5-pro")


def explained(front: Front, me: Any, *events: CallEvent) -> Any:
    log, call_id = front.system.calls, uuid4()
    with acting(Caller("bot:test", UUID(me["team"]["id"]))):
        log.append(log.begin(Call(), call_id), events)
    url = f"/api/call/{call_id}/explain"
    answer = front.client.get(url, headers=front.bearer(me))
    assert answer.status_code == 200, answer.text
    return answer.json()


def a_record_with_a_skipped_target() -> RoutingRecord:
    record = a_record(dice=0)
    skipped = (Skipped(target=GEMINI, why=WhyNot.OTHER_FORMAT),)
    return replace(record, decision=replace(record.decision, skipped=skipped))


def test_an_auto_call_tells_what_was_decided_and_what_was_left_out(either: Front) -> None:
    me = either.registered()
    record = a_record_with_a_skipped_target()
    events = served(record, team=UUID(me["team"]["id"]))
    routing = explained(either, me, *events)["routing"]
    assert (routing["policy_version"], routing["facts"]["requested_model"]) == (2, "auto")
    decision = routing["decision"]
    assert decision["chose"] == "load_balance"
    assert [one["why"] for one in decision["candidates"]] == ["by-weight", "reserve"]
    (skipped,) = decision["skipped"]
    assert skipped["target"]["vendor"] == "google"
    assert skipped["why"] == "no-endpoint-of-the-format"


def test_a_refused_auto_call_tells_what_was_decided(front: Front) -> None:
    me = front.registered()
    refused = turned_away(a_record(), "quota-exceeded")
    facts = replace(refused.facts, team_id=UUID(me["team"]["id"]))
    told = explained(front, me, replace(refused, facts=facts))
    assert told["routing"]["decision"]["chose"] == "load_balance"


def test_what_was_passed_over_tells_which_quota_said_no(front: Front) -> None:
    me = front.registered()
    begun, end = served(a_record(), team=UUID(me["team"]["id"]))
    assert isinstance(begun, CallAdmitted)
    start = datetime(2026, 3, 2, tzinfo=UTC)
    no_room = Hold(
        quota_id=uuid4(),
        version=3,
        scope=ScopeKind.MODEL,
        scope_id=GEMINI.model,
        metric=Metric.REQUESTS,
        mode=Mode.BLOCK,
        limit=10,
        window_start=start,
        window_end=start + timedelta(days=1),
        amount=1,
        settled=8,
        held=2,
    )
    passed = PassedOver(
        vendor=GEMINI.vendor,
        model=GEMINI.model,
        provider_key_id=None,
        code="quota-exceeded",
        hold=no_room,
    )
    (told,) = explained(front, me, replace(begun, passed_over=(passed,)), end)[
        "passed_over"
    ]
    assert (told["model"], told["code"]) == (GEMINI.model, "quota-exceeded")
    assert (told["quota"]["quota_id"], told["balance"]["remaining"]) == (
        str(no_room.quota_id),
        0,
    )
    assert "8 are used and 2 held" in told["why"]
    assert explained(front, me, begun, end)["passed_over"] == []


def test_each_attempt_names_its_vendor_and_the_model_it_asked_for(front: Front) -> None:
    me = front.registered()
    begun, end = served(a_record(dice=0), team=UUID(me["team"]["id"]))
    assert isinstance(end, CallSettled)
    first = begun.facts.vendor
    tried = [GPT, OPUS] if first == GPT.vendor else [OPUS, GPT]
    attempts = tuple(
        Attempt(
            provider_key_id=KEYS[target.vendor],
            good_version=1,
            http_status=status,
            verdict=verdict,
            error=None,
            ms=5,
            model=model,
        )
        for target, status, verdict, model in (
            (tried[0], 500, Verdict.OVERLOADED, None),
            (tried[1], 200, Verdict.OK, tried[1].model),
        )
    )
    told = explained(front, me, begun, replace(end, attempt_log=attempts))["candidates"]
    assert [(one["vendor"], one["model"]) for one in told] == [
        (one.vendor, one.model) for one in tried
    ]


def test_a_call_of_one_vendor_has_no_routing(front: Front) -> None:
    me = front.registered()
    begun, end = served(a_record(), team=UUID(me["team"]["id"]))
    assert isinstance(begun, CallAdmitted)
    told = explained(front, me, replace(begun, routing=None), end)
    assert told["routing"] is None
    (one,) = told["candidates"]
    assert (one["vendor"], one["model"]) == (
        begun.facts.vendor,
        begun.facts.requested_model,
    )
