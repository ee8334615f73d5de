"""The windows that admission computes in SQL are those of `domain/windows.py`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import psycopg
import pytest

from domain.windows import Window, time_zones, window_of

MIDDAYS = [datetime(2019, 1, 1, 12, tzinfo=UTC) + timedelta(days=n) for n in range(4 * 365)]
OFFSETS = (timedelta(0), timedelta(microseconds=-1), timedelta(minutes=29, seconds=31))
CHANGEABLE = (  # one for each way in which clocks have been changed
    "UTC",
    "Africa/Cairo",
    "America/Asuncion",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Zurich",
    "Pacific/Apia",
    "Pacific/Chatham",
)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[tuple[datetime, ...]]]:
    with psycopg.connect(database_url) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        yield connection


def changes(zone: ZoneInfo) -> list[datetime]:
    """The moments, within the years looked at, in which the zone's clocks were changed."""
    found = []
    for before, after in pairwise(MIDDAYS):
        offset, low, high = before.astimezone(zone).utcoffset(), before, after
        if after.astimezone(zone).utcoffset() == offset:
            continue
        while high - low > timedelta(seconds=1):
            middle = (low + (high - low) / 2).replace(microsecond=0)
            same = middle.astimezone(zone).utcoffset() == offset
            low, high = (middle, high) if same else (low, middle)
        found.append(high)
    return found


def moments(zone: str) -> list[datetime]:
    """The moments around which windows are hard: clock changes, month and year ends."""
    marks = [
        at + timedelta(hours=hours)
        for at in changes(ZoneInfo(zone))
        for hours in (-25, -2, -1, 0, 1, 2, 23)
    ]
    marks += [datetime(2020, month, 1, tzinfo=UTC) for month in range(1, 13)]
    return [mark + offset for mark in marks for offset in OFFSETS]


@pytest.mark.parametrize("zone", CHANGEABLE)
def test_sql_and_the_domain_agree_wherever_clocks_change(
    connection: psycopg.Connection[tuple[datetime, ...]], zone: str
) -> None:
    asked = [(window, at) for window in Window for at in moments(zone)]
    rows = connection.execute(
        "SELECT w.window_start, w.window_end FROM unnest(%s::text[], %s::timestamptz[]) "
        'WITH ORDINALITY AS asked ("window", "at", n), '
        'quota_window(asked."window", %s, asked."at") AS w ORDER BY n',
        ([window for window, _ in asked], [at for _, at in asked], zone),
    ).fetchall()
    wanted = [window_of(window, zone, at) for window, at in asked]
    differing = [
        (*one, got, want)
        for one, got, want in zip(asked, rows, wanted, strict=True)
        if got != want
    ]
    assert not differing


def test_the_database_knows_nearly_every_zone_that_a_quota_may_have(
    connection: psycopg.Connection[tuple[datetime, ...]],
) -> None:
    known = {name for (name,) in connection.execute("SELECT name FROM pg_timezone_names")}
    assert len(time_zones() - known) < 20


def test_an_unknown_zone_or_window_is_an_error(
    connection: psycopg.Connection[tuple[datetime, ...]],
) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue), connection.transaction():
        connection.execute("SELECT quota_window('day', 'Europe/Atlantis', now())")
    with pytest.raises(psycopg.errors.CaseNotFound), connection.transaction():
        connection.execute("SELECT quota_window('week', 'UTC', now())")
