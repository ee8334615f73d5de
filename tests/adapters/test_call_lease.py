"""The lease under which calls are admitted, and the writer that looks at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.call_entry import Entry, Missed
from adapters.postgres.call_lease import LEASE_SECONDS, CallLease
from adapters.postgres.call_writer import CallWriter
from adapters.postgres.database import connection_info
from domain.calls import CallEvent, CallRefused
from tests.adapters.test_meter import metering, rows
from tests.projections.given import admitted, facts, settled

pytestmark = pytest.mark.anyio

ADMITTED, SETTLED = admitted(facts()), settled(facts())
REFUSED = CallRefused(facts=facts(), code="no-usable-key")


@asynccontextmanager
async def writing(url: str, process: UUID) -> AsyncIterator[CallWriter]:
    writer = CallWriter(connection_info(url, role="clawbot_proxy"), process)
    try:
        yield writer
    finally:
        writer.close()


def entry(event: CallEvent, *, version: int = 1, call_id: UUID | None = None) -> Entry:
    return Entry(
        call_id=call_id or uuid4(),
        version=version,
        event=event,
        since=0,
        tries_on=True,
        done=asyncio.get_running_loop().create_future(),
    )


@pytest.mark.parametrize(("ends_in", "taken"), [(None, False), (-0.01, False), (5, True)])
async def test_nothing_is_admitted_without_a_lease_in_force(
    database_url: str,
    ends_in: float | None,
    taken: bool,  # noqa: FBT001
) -> None:
    process = uuid4()
    if ends_in is not None:
        with psycopg.connect(database_url) as connection:
            connection.execute(
                "INSERT INTO call_lease VALUES (%s, now() + make_interval(secs => %s), 0)",
                (process, ends_in),
            )
    async with writing(database_url, process) as writer:
        opening, ending = entry(ADMITTED), entry(SETTLED, version=2)
        opened, ended = await writer.write([opening, ending], within_seconds=5)
    assert isinstance(opened, int) if taken else opened is Missed.NO_LEASE
    assert isinstance(ended, int)


async def test_what_is_there_already_is_known_as_ours_or_as_anothers(
    database_url: str,
) -> None:
    async with writing(database_url, uuid4()) as writer:
        ours = entry(REFUSED)
        first = await writer.write([ours], within_seconds=5)
        assert await writer.write([ours], within_seconds=5) == first
        others = entry(replace(REFUSED, code="another"), call_id=ours.call_id)
        new = entry(REFUSED)
        taken, written = await writer.write([others, new], within_seconds=5)
    assert taken is Missed.PLACE_TAKEN
    assert isinstance(written, int)


async def test_each_event_is_told_its_own_position(database_url: str) -> None:
    async with writing(database_url, uuid4()) as writer:
        batch = [entry(REFUSED) for _ in range(100)]
        written = await writer.write(batch, within_seconds=5)
    stored = rows(database_url, "SELECT originator_id, notification_id FROM calls_events")
    assert dict(stored) == dict(zip([one.call_id for one in batch], written, strict=True))


async def test_a_lease_lasts_ten_seconds_and_is_renewed(database_url: str) -> None:
    remaining = "SELECT extract(epoch FROM ends_at - now())::float FROM call_lease"
    async with metering(database_url) as meter:
        await meter.admit(uuid4(), ADMITTED)
        await asyncio.sleep(3)
        ((seconds,),) = rows(database_url, remaining)
    assert LEASE_SECONDS - 3 < seconds <= LEASE_SECONDS


STEPS = st.lists(
    st.tuples(st.sampled_from(["admit", "settle", "doubt", "know"]), st.integers(0, 5))
)


@given(STEPS)
def test_no_open_call_is_ever_before_the_position_that_the_lease_tells(
    steps: list[tuple[str, int]],
) -> None:
    lease, position = CallLease("", uuid4()), 100
    calls = [uuid4() for _ in range(6)]
    opened: dict[UUID, int] = {}
    doubted: dict[UUID, int] = {}
    for step, number in steps:
        call_id, position = calls[number], position + 1
        if step == "admit":
            lease.wrote(call_id, position, opens=True)
            opened[call_id] = position
        elif step == "settle":
            lease.wrote(call_id, position, opens=False)
            opened.pop(call_id, None)
        elif step == "doubt":
            lease.doubt(call_id, lease.last_position)
            doubted[call_id] = position  # where it may have landed
        else:
            lease.settled_doubt(call_id)
            doubted.pop(call_id, None)
        since = lease.open_since()
        for place in (*opened.values(), *doubted.values()):
            assert since is not None
            assert since <= place
