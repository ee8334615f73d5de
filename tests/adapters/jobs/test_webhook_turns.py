"""Slow webhooks hold up one another, and nothing else that a worker does."""

from __future__ import annotations

import logging
import threading
from uuid import UUID, uuid4

import pytest

from adapters.jobs.webhook_turns import THREADS, webhook_turns
from domain.errors import Unavailable

PATIENCE = 10.0  # seconds


class Slow:
    """Addresses that take what is posted once they are let; `served` in that order."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.all_busy = threading.Event()
        self.begun = list[UUID]()
        self.served = list[UUID]()

    def deliver(self, webhook_id: UUID) -> None:
        self.begun.append(webhook_id)
        if len(self.begun) == THREADS:
            self.all_busy.set()
        assert self.let.wait(PATIENCE)
        self.served.append(webhook_id)


def test_whoever_asks_for_a_turn_waits_for_none() -> None:
    slow, hooks = Slow(), [uuid4() for _ in range(3 * THREADS)]
    with webhook_turns(slow.deliver) as turns:
        for hook in hooks:
            turns.ask(hook)
        assert slow.all_busy.wait(PATIENCE)
        for hook in hooks[THREADS:]:
            turns.ask(hook)  # they wait for their turn already
        rung_while_it_is_served = hooks[0]
        turns.ask(rung_while_it_is_served)
        assert slow.served == []
        assert sorted(slow.begun) == sorted(hooks[:THREADS])
        slow.let.set()
        last = threading.Event()
        hooks.append(rung_while_it_is_served)
        while len(slow.served) < len(hooks):
            assert not last.wait(0.01)
    assert sorted(slow.served) == sorted(hooks)
    assert slow.begun[-1] == rung_while_it_is_served


def test_at_the_end_what_is_under_way_is_finished_and_no_other_begins() -> None:
    slow, hooks = Slow(), [uuid4() for _ in range(2 * THREADS)]
    with webhook_turns(slow.deliver) as turns:
        for hook in hooks:
            turns.ask(hook)
        assert slow.all_busy.wait(PATIENCE)
        threading.Timer(0.1, slow.let.set).start()
    assert len(slow.served) == len(slow.begun) < len(hooks)


@pytest.mark.parametrize(
    ("error", "said"), [(Unavailable("away"), "waits"), (KeyError("x"), "failed")]
)
def test_what_one_fails_of_is_said_and_stops_no_other(
    caplog: pytest.LogCaptureFixture, error: Exception, said: str
) -> None:
    served, hooks = threading.Event(), [uuid4(), uuid4()]

    def deliver(webhook_id: UUID) -> None:
        if webhook_id == hooks[0]:
            raise error
        served.set()

    with caplog.at_level(logging.WARNING), webhook_turns(deliver) as turns:
        for hook in hooks:
            turns.ask(hook)
        assert served.wait(PATIENCE)
    assert [record.message for record in caplog.records] == [f"webhook.{said}"]
