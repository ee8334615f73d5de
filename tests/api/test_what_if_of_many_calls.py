"""100,000 past calls are played again within ten seconds; a tenth of them always.

What is measured is the process's own time: how busy the machine is plays no part.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.bootstrap.followers import event_logs
from adapters.postgres.database import Database
from application.event_log import Caller, EventLog, Stream, acting
from domain.calls import Call
from domain.log import CALLS
from projections.past_calls import PastCallsProjector
from tests.api.front import Front
from tests.api.routed import BEGAN, GPT, OPUS, SHARED, Routed
from tests.projections.given import tokens
from tests.projections.given_logs import database
from tests.projections.given_routed import served

SECONDS = 10.0  # for 100,000
PAGE = 500
FEW, MANY = 10_000, 100_000
OF_TEAM: dict[str, Any] = {"scope": {"kind": "team"}, "limit": 9**9}
OTHERS: list[dict[str, Any]] = [
    {},
    {"policy": {"mode": "direct", "target": OPUS}, "bot": "ada-1"},
    {"policy": {"mode": "cost", "strategy": "best-value", "targets": [GPT, OPUS]}},
    {"policy": SHARED | {"strategy": "round_robin"}},
    {
        "quotas": [
            OF_TEAM | {"metric": "tokens", "window": "hour"},
            OF_TEAM | {"metric": "requests", "window": "day"},
        ]
    },
    {"prices": [GPT | {"input_micro_usd": 10**6, "output_micro_usd": 10**6}]},
]


@pytest.mark.parametrize(
    "calls", [FEW, pytest.param(MANY, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
def test_the_past_is_played_again_fast_enough(
    real: Front, database_url: str, calls: int
) -> None:
    routed = Routed(real)
    with database(database_url, "clawbot_proxy") as proxy:
        fill(routed, proxy, calls)
    views = real.system.followers
    real.system.followers = [one for one in views if one.name == PastCallsProjector.name]
    real.system.pump()
    for question in OTHERS:
        began = time.process_time()
        said = routed.asked(**question)
        took = time.process_time() - began
        assert said["before"]["calls"] == calls
        assert took < SECONDS * calls / MANY + 0.5
        if not question:
            assert said["reproduced"] is True
            assert said["before"] == said["after"]


def fill(routed: Routed, proxy: Database, calls: int) -> None:
    log: EventLog = event_logs(proxy)[CALLS]
    records = [routed.a_record(number * 7919) for number in range(400)]
    caller = Caller("bot:test", routed.team_id, "request-7")
    for start in range(0, calls, PAGE):
        streams = []
        for number in range(start, start + PAGE):
            at = BEGAN + timedelta(milliseconds=number)
            events = served(
                records[number % len(records)],
                tokens(1000 + number % 7, 500),
                100,
                at=at,
                team=routed.team_id,
                bot=routed.bot_id,
            )
            streams.append((Stream(UUID(int=number + 1), 0, Call()), events))
        with acting(caller), proxy.unit_of_work():
            log.append_all(*streams)
