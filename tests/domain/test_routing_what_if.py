"""What other quotas would have refused of past calls, or let through."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from domain.quota_events import Metric, ScopeKind
from domain.routing_policy import Direct, Failover
from domain.routing_replay import PastCall, likely
from domain.routing_what_if import TrialQuota, WhatIf, what_if
from domain.usage import Usage
from domain.windows import Window
from tests.domain.routing_scene import GPT
from tests.domain.test_routing_replay import BALANCED, BOT, history, under


def quota(metric: Metric, limit: int, **others: str) -> TrialQuota:
    scope = ScopeKind(others.get("scope", "bot"))
    return TrialQuota(
        scope=scope,
        scope_id=others.get("scope_id", str(BOT)),
        metric=metric,
        window=Window(others.get("window", "total")),
        limit=limit,
    )


def limited(*quotas: TrialQuota) -> WhatIf:
    calls = history(Direct(target=GPT), 300)
    calls = [call for call in calls if not call.refused and call.model == "gpt-4o"][:100]
    return what_if(calls, under(Direct(target=GPT)), quotas)


def test_other_quotas_refuse_what_no_longer_fits() -> None:
    assert limited(quota(Metric.REQUESTS, 30)).after.refused == {"quota-exceeded": 70}
    assert limited(quota(Metric.TOKENS, 11_000)).after.refused == {"quota-exceeded": 90}
    assert limited(quota(Metric.COST_MICRO_USD, 777 * 7)).after.cost_micro_usd == 777 * 7
    nobody = quota(Metric.REQUESTS, 0, scope_id="another")
    assert limited(nobody).after.refused == {}
    model = quota(Metric.REQUESTS, 1, scope="model", scope_id="gpt-4o")
    assert limited(model).after.refused == {"quota-exceeded": 99}


def test_a_window_begins_anew() -> None:
    found = limited(quota(Metric.REQUESTS, 10, window="minute"))
    assert sum(found.after.refused.values()) < 90


@pytest.mark.parametrize("model", ["gpt-4o", None])
def test_a_call_that_named_its_vendor_itself_is_let_through_there(
    model: str | None,
) -> None:
    call = replace(
        history(Direct(target=GPT), 1)[0],
        refused="quota-exceeded",
        usage=Usage(),
        model=model,
        cost_micro_usd=0,
        routing=None,
    )
    kept = what_if([call], under(Direct(target=GPT)))
    assert kept.after.refused == {"quota-exceeded": 1}
    freed = what_if([call], under(Direct(target=GPT)), quotas=[])
    assert (freed.changed, freed.after.refused) == (1, {})
    assert set(freed.after.models) == {(call.vendor, model)}
    assert freed.after.unpriced == (model is None)
    again = what_if([call], under(Direct(target=GPT)), quotas=[quota(Metric.REQUESTS, 0)])
    assert again.after.refused == {"quota-exceeded": 1}


def test_a_refused_call_that_embeds_would_have_written_nothing() -> None:
    (call, *_) = history(Direct(target=GPT), 1)
    assert call.routing is not None
    facts = replace(call.routing.facts, format="openai-embeddings", input_tokens=70)
    refused = replace(call, refused="quota-exceeded")
    assert likely(refused, replace(call.routing, facts=facts)).output_tokens == 0


def test_without_the_quotas_of_then_their_refusals_are_gone() -> None:
    calls = [
        PastCall(
            **{
                **{name: getattr(call, name) for name in PastCall.__slots__},
                "refused": "quota-exceeded",
                "usage": Usage(),
                "model": None,
                "cost_micro_usd": 0,
            }
        )
        for call in history(Direct(target=GPT), 50)
        if not call.refused
    ]
    kept = what_if(calls, under(Direct(target=GPT)))
    assert kept.after.refused == {"quota-exceeded": len(calls)}
    freed = what_if(calls, under(Direct(target=GPT)), quotas=[])
    assert freed.after.refused == {}
    assert freed.after.cost_micro_usd > 0


def test_a_hundred_thousand_calls_take_less_than_ten_seconds() -> None:
    calls = history(BALANCED, 2_000) * 50
    began = time.process_time()
    found = what_if(calls, under(Failover(chain="chain")), [quota(Metric.TOKENS, 10**12)])
    assert found.before.calls == 100_000
    assert time.process_time() - began < 10
