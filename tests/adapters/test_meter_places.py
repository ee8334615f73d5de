"""The meter and calls that may go to several models: the first that has room is taken."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from domain.budgets import QuotaExceeded
from domain.calls import CallAdmitted, CallRefused
from domain.holds import Balance
from domain.quotas import Metric, ScopeKind, Window
from tests.adapters.budgets import Wanting, balances, set_quota, wanting
from tests.adapters.test_meter import history, metering
from tests.projections.given import facts

pytestmark = pytest.mark.anyio


async def test_a_call_goes_where_there_is_room_and_the_log_says_what_was_passed_over(
    database_url: str,
) -> None:
    small = set_quota(database_url, 0, scope=ScopeKind.MODEL, scope_id="small")
    set_quota(database_url, 10**6)
    asks, calls = at_models("small", "large", "huge"), [uuid4() for _ in range(20)]
    async with metering(database_url) as meter:
        granted = await asyncio.gather(
            *(meter.admit(call_id, asks.event, asks) for call_id in calls)
        )
    assert {one.nth for one in granted} == {1}
    (event,) = history(database_url, calls[0])
    assert isinstance(event, CallAdmitted)
    assert event.facts.requested_model == "large"
    (passed,) = event.passed_over
    assert (passed.model, passed.code) == ("small", "quota-exceeded")
    assert (passed.hold.quota_id, passed.hold.limit) == (small, 0)


async def test_without_room_anywhere_one_refusal_tells_where_there_is_some_first(
    database_url: str,
) -> None:
    model = ScopeKind.MODEL
    set_quota(database_url, 0, scope=model, scope_id="small")
    soon = set_quota(database_url, 0, scope=model, scope_id="large", window=Window.MINUTE)
    call_id, asks = uuid4(), at_models("small", "large")
    async with metering(database_url) as meter:
        with pytest.raises(QuotaExceeded) as refused:
            await meter.admit(call_id, asks.event, asks)
    assert (refused.value.hold.quota_id, refused.value.nth) == (soon, 1)
    (event,) = history(database_url, call_id)
    assert isinstance(event, CallRefused)
    assert (event.facts.requested_model, event.hold) == ("large", refused.value.hold)
    assert [one.model for one in event.passed_over] == ["small"]
    assert set(balances(database_url).values()) <= {Balance()}


async def test_a_quota_of_all_models_refuses_without_a_look_at_the_others(
    database_url: str,
) -> None:
    set_quota(database_url, 0, Metric.REQUESTS)
    call_id, asks = uuid4(), at_models("small", "large")
    async with metering(database_url) as meter:
        with pytest.raises(QuotaExceeded):
            await meter.admit(call_id, asks.event, asks)
    (event,) = history(database_url, call_id)
    assert isinstance(event, CallRefused)
    assert (event.facts.requested_model, event.passed_over) == ("small", ())


def at_models(*models: str) -> Wanting:
    """A call that may go to the first of these models, or to the others."""
    first, *others = (wanting(replace(facts(), requested_model=one)) for one in models)
    return replace(first, elsewhere=tuple(others))


async def test_whose_other_places_cannot_be_told_hurts_nobody_else(
    database_url: str,
) -> None:
    set_quota(database_url, 0, scope=ScopeKind.MODEL, scope_id="small")

    class Lost(Wanting):
        def others(self) -> tuple[Wanting, ...]:
            raise ZeroDivisionError

    small = at_models("small", "large")
    lost = Lost(**{name: getattr(small, name) for name in small.__dataclass_fields__})
    async with metering(database_url) as meter, asyncio.timeout(10):
        with pytest.raises(ZeroDivisionError):
            await meter.admit(uuid4(), lost.event, lost)
        assert (await meter.admit(uuid4(), small.event, small)).nth == 1
