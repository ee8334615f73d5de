"""One vendor down, one slow, one flapping, one that fails every other call: while any
other is healthy calls are served, and every attempt is explained by events. With all of
them down the calls become no storm.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from domain.attempts import Attempt
from domain.calls import CallAdmitted, CallEvent, CallSettled
from domain.routing_decision import RoutingRecord
from domain.routing_policy import (
    Failover,
    LoadBalance,
    Retry,
    RouteTarget,
    RoutingPolicy,
    Trigger,
    WeightedTarget,
)
from domain.verdicts import Verdict
from proxy.key_healths import BUDGET_PER_SECOND, BUDGET_RESERVE, BUDGET_SHARE
from tests.faults.load import Kind, Load, Outcome
from tests.faults.reckoning import streams_of, tell
from tests.faults.vendors import Flapping, free_port
from tests.journeys.data_plane import NOWHERE, running
from tests.journeys.plane import DataPlane, chat_body
from tests.journeys.proxy_process import until
from tests.proxy.pools import secret_that
from tests.proxy.routes import Routed, routed, target

RECORD = TypeAdapter(RoutingRecord)
CHAT = "/auto/chat/completions"
KINDS = (
    Kind(path=CHAT, body=chat_body("")),
    Kind(path=CHAT, body=chat_body("", stream=True)),
)
IMPATIENT = Trigger(timeout_ms=400)
LEAST_SERVED = 0.999
DOWN, SLOW, FLAPPING, FINE = "openai", "google", "custom", "anthropic"
TARGETS = tuple(target(vendor) for vendor in (DOWN, SLOW, FLAPPING, FINE))
HALF, WELL = target("groq", "+status=500+one_in=2"), target("mistral")


def shared(targets: Sequence[RouteTarget]) -> tuple[WeightedTarget, ...]:
    return tuple(WeightedTarget(vendor=t.vendor, model=t.model) for t in targets)


POLICIES: dict[str, RoutingPolicy] = {
    "failover": Failover(
        steps=TARGETS, trigger=IMPATIENT, retry=Retry(max_retries=3, delay_ms=0)
    ),
    "round robin": LoadBalance(targets=shared(TARGETS), strategy="round_robin"),
    "weighted": LoadBalance(targets=shared(TARGETS), strategy="weighted"),
    "least latency": LoadBalance(targets=shared(TARGETS), strategy="least_latency"),
    "half failing": Failover(steps=(HALF, WELL)),
}


@dataclass(frozen=True, kw_only=True)
class Chaos:
    """A data plane whose vendors are not well."""

    plane: DataPlane
    flapping: Flapping

    def bot(self, policy: RoutingPolicy) -> Routed:
        """A bot whose policy the proxy knows by now."""
        bot = routed(
            self.plane,
            policy,
            origins={DOWN: NOWHERE, FLAPPING: self.flapping.url},
            secrets={SLOW: secret_that("slow=1500")},
        )
        until(lambda: bot.ask().status_code != 403)
        return bot


@contextmanager
def chaos(url: str) -> Iterator[Chaos]:
    flapping = Flapping(port=free_port(), up=(0.5, 2.0), down=(0.3, 1.5))
    with flapping.running(), running(url, allow=(flapping.url,)) as plane:
        yield Chaos(plane=plane, flapping=flapping)


def under_load(bots: Sequence[Routed], seconds: float) -> list[Load]:
    """Every bot's clients ask for so long; each load has what they saw."""
    loads = [
        Load(one.bot, (one.plane.url,), nth, KINDS, lambda _: "auto")
        for nth, one in enumerate(bots)
    ]
    threads = [threading.Thread(target=load.run) for load in loads]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    for load in loads:
        load.stop()
    for thread in threads:
        thread.join()
    return loads


@pytest.mark.parametrize(
    "seconds", [6, pytest.param(120, marks=[pytest.mark.soak, pytest.mark.timeout(900)])]
)
def test_while_any_vendor_is_healthy_calls_are_served_and_attempts_explained(
    database_url: str, seconds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with chaos(database_url) as world:
        bots = {name: world.bot(policy) for name, policy in POLICIES.items()}
        loads = under_load(list(bots.values()), seconds)
        streams = streams_of(world.plane)
        flaps = world.flapping.flaps
    lines = [f"{seconds} s, the flapping vendor went away {flaps} times"]
    lost: list[Outcome] = []
    for (name, bot), load in zip(bots.items(), loads, strict=True):
        calls = len(load.outcomes)
        attempts = sum(explained(one, bot, streams) for one in load.outcomes)
        lines.append(f"{name}: {calls} calls, {attempts} attempts")
        assert calls > 5 * seconds
        lost += [one for one in load.outcomes if not (one.whole and one.status == 200)]
    with capsys.disabled():
        tell("; ".join([*lines, f"{len(lost)} lost"]))
    assert len(lost) <= (1 - LEAST_SERVED) * sum(len(load.outcomes) for load in loads), lost


def explained(outcome: Outcome, bot: Routed, streams: dict[UUID, list[CallEvent]]) -> int:
    """How many attempts the call took; its events tell each, and why it was made."""
    assert outcome.call_id is not None
    admitted, settled = streams[outcome.call_id]
    assert isinstance(admitted, CallAdmitted)
    assert isinstance(settled, CallSettled)
    decision = RECORD.validate_python(admitted.routing).decision
    allowed = {(key, one.target.model) for one in decision.candidates for key in one.keys}
    first = decision.candidates[0]
    assert admitted.facts.provider_key_id == first.keys[0]
    assert admitted.facts.requested_model == first.target.model
    log = settled.attempt_log
    if settled.attempts == 1 and not log:
        assert settled.facts.provider_key_id == first.keys[0]
        return 1
    assert len(log) == settled.attempts
    tried = [(one.provider_key_id, one.model) for one in log]
    assert len(set(tried)) == len(tried)
    assert allowed.issuperset(tried)
    assert all(_has_reason(one) for one in log[:-1])
    last = settled.facts.provider_key_id, settled.facts.requested_model
    assert tried[-1] == last
    if outcome.status == 200:
        assert log[-1].verdict is Verdict.OK
        assert set(bot.keys.values()) >= {one.provider_key_id for one in log}
    return settled.attempts


def _has_reason(attempt: Attempt) -> bool:
    failed = attempt.verdict is not Verdict.OK
    return failed and (attempt.http_status is not None or attempt.error is not None)


def test_when_every_vendor_is_down_attempts_are_bounded(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    down = {vendor: secret_that("status=503") for vendor in (DOWN, SLOW, FLAPPING, FINE)}
    with running(database_url) as plane:
        bot = routed(plane, POLICIES["failover"], secrets=down)
        until(lambda: bot.ask().status_code != 403)
        began = time.monotonic()
        (load,) = under_load([bot], 6)
        passed = time.monotonic() - began
        ends = [e.event for e in plane.events(bot.bot) if isinstance(e.event, CallSettled)]
        sent = len(plane.ledger())
    calls, attempts = len(ends), sum(end.attempts for end in ends)
    assert {one.status for one in load.outcomes} == {503}
    assert sent == attempts
    trials = 4 * (5 + 16 + passed)  # until each vendor is known to be down, and since then
    beside = BUDGET_RESERVE + BUDGET_PER_SECOND * passed
    with capsys.disabled():
        per = Counter(end.attempts for end in ends)
        tell(f"all down: {attempts} attempts of {calls} calls, {dict(per)}")
    assert attempts <= calls * (1 + BUDGET_SHARE) + beside + trials
