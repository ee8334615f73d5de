"""A call that is decided again goes out as the last decision says, and no other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast
from uuid import UUID

import orjson

from domain.budgets import Granted
from domain.calls import CallAdmitted
from domain.destinations import Origin
from domain.holds import Hold
from domain.quotas import Metric, Mode, ScopeKind
from domain.windows import EPOCH
from proxy.admission import Credential, Route
from proxy.holding import Holding
from proxy.incoming import Asked, Incoming
from proxy.outgoing import Outgoing, outgoing
from tests.domain.going import CATALOG, go
from tests.projections.given import admitted, facts

BODY = b'{"model":"m","max_tokens":900,"messages":[{"role":"user","content":"hi"}]}'
HOLD = Hold(
    quota_id=UUID(int=1),
    version=1,
    scope=ScopeKind.TEAM,
    scope_id="t",
    metric=Metric.TOKENS,
    mode=Mode.BLOCK,
    limit=1000,
    window_start=EPOCH,
    window_end=None,
    amount=1,
    settled=0,
    held=0,
)


def holding_of(body: bytes) -> tuple[Outgoing, Holding]:
    incoming = Incoming(
        method="POST", vendor="openai", tail="", query=b"", tokens=(), headers={}
    )
    route = Route(
        vendor=CATALOG.get("openai"),
        target=go("openai", "v1/chat/completions"),
        key=cast("Any", None),
        origin=Origin("https", "api.openai.com", 443),
    )
    credential = Credential(bot=None, checked_key=None)
    call = outgoing(credential, incoming, route, Asked(model="m"), body)
    event = replace(admitted(facts()), format="openai-chat", changes=())
    return call, Holding(call, event, cast("Any", None), cast("Any", None))


def decided(holding: Holding, output: int | None) -> CallAdmitted:
    """So much output is granted, by a quota; None: by none, as there is none any more."""
    assert holding.need().most_output == 900
    holds = () if output is None else (HOLD,)
    return holding.admitted(Granted(output_tokens=output, holds=holds))


def test_a_limit_of_a_decision_that_came_to_nothing_is_not_kept() -> None:
    call, holding = holding_of(BODY)
    assert decided(holding, 50).changes == ("output_limit:50",)
    assert orjson.loads(call.body)["max_tokens"] == 50
    assert decided(holding, 300).changes == ("output_limit:300",)
    assert orjson.loads(call.body)["max_tokens"] == 300
    assert decided(holding, 900).changes == ()
    assert call.body == BODY


def test_nor_if_no_quota_applies_any_more() -> None:
    call, holding = holding_of(BODY)
    decided(holding, 50)
    event = holding.admitted(Granted(output_tokens=None, holds=()))
    assert (event.changes, event.holds, call.body) == ((), (), BODY)
