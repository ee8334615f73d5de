"""How keys have done, folded from what calls tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from adapters.follower import Reader, ViewFollower, catch_up
from adapters.memory_calls import MemoryKeyHealths
from domain.attempts import Attempt
from domain.key_health import Circuit
from domain.log import CALLS
from domain.verdicts import Verdict
from projections.key_health import KeyHealthProjector, KeyHealthRow, _after
from tests.projections.given import (
    KEY,
    TEAM,
    TRIED,
    Happened,
    admitted,
    facts,
    settled,
    tried,
)
from tests.projections.given_logs import memory_logs, record

BAD = UUID(int=0xBAD)


def call(number: int, *attempts: Attempt, **more: Any) -> Happened:
    end = replace(settled(facts()), attempt_log=attempts, **more)
    return UUID(int=number), [admitted(facts()), end]


def health_after(*happened: Happened) -> dict[UUID, KeyHealthRow]:
    log, view = memory_logs()[CALLS], MemoryKeyHealths()
    record(log, happened)
    catch_up(ViewFollower(KeyHealthProjector(), view), Reader(log))
    keys = [KEY, BAD, *(attempt.provider_key_id for attempt in TRIED)]
    return {row.key_id: row for row in view.of_keys(TEAM, keys)}


def test_a_call_without_a_log_is_a_success_of_the_key_that_answered() -> None:
    row = health_after(call(1), call(2), call(3))[KEY]
    assert (row.successes, row.failures, row.last_verdict) == (3, 0, Verdict.OK)
    assert row.circuit(row.last_at) is Circuit.CLOSED


def test_a_call_that_no_vendor_answered_says_nothing_of_keys_by_itself() -> None:
    assert not health_after(call(1, http_status=None), call(2, error="client-left"))


def test_each_attempt_counts_for_its_own_key() -> None:
    rows = health_after(call(1, *TRIED), call(2, *TRIED), call(3))
    counts = {key.int: (row.successes, row.failures) for key, row in rows.items()}
    assert counts == {0xD1: (0, 2), 0xD2: (0, 2), KEY.int: (3, 0)}
    assert rows[UUID(int=0xD1)].last_error == "vendor:x"


def test_failures_in_a_row_open_the_circuit_and_time_opens_it_half() -> None:
    failed = tried(BAD, 500, Verdict.OVERLOADED)
    four = health_after(*(call(n, failed) for n in range(1, 5)))[BAD]
    assert four.circuit(four.last_at) is Circuit.CLOSED
    five = health_after(*(call(n, failed) for n in range(1, 6)))[BAD]
    assert five.failures_in_a_row == 5
    assert five.circuit(five.last_at) is Circuit.OPEN
    assert five.circuit(five.last_at + timedelta(minutes=1)) is Circuit.HALF_OPEN


def test_a_success_ends_the_row_of_failures() -> None:
    failed = tried(BAD, 500, Verdict.OVERLOADED)
    fine = tried(BAD, 200, Verdict.OK)
    row = health_after(*(call(n, failed) for n in range(1, 5)), call(9, fine))[BAD]
    assert (row.failures_in_a_row, row.failures, row.successes) == (0, 4, 1)


def test_a_burst_of_failures_does_not_keep_the_circuit_open_for_longer() -> None:
    failed = tried(BAD, 500, Verdict.OVERLOADED)
    burst = [call(n, failed) for n in range(1, 41)]
    row = health_after(*burst)[BAD]
    assert (row.failures_in_a_row, row.failures) == (5, 40)
    soon = row.last_at + timedelta(seconds=1.5)
    assert row.circuit(soon) is Circuit.HALF_OPEN
    failed_again = _after(row, failed, soon)
    assert failed_again.circuit(soon + timedelta(seconds=2)) is Circuit.HALF_OPEN


def test_what_is_answered_while_a_key_rests_does_not_end_that() -> None:
    rests, fine = tried(BAD, 401, Verdict.DEAD), tried(BAD, 200, Verdict.OK)
    row = health_after(call(1, rests), call(2, fine))[BAD]
    assert (row.circuit(row.last_at), row.failures_in_a_row) == (Circuit.OPEN, 1)
