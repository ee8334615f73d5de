"""Windows: every moment falls in one, and they follow each other without a gap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.windows import EPOCH, Window, time_zones, window_of

FIRST, SECONDS = datetime(2000, 1, 1, tzinfo=UTC), 35 * 366 * 24 * 3600
MOMENTS = st.integers(0, SECONDS).map(lambda after: FIRST + timedelta(seconds=after))
ZONES = st.sampled_from(sorted(time_zones()))
ENDING = st.sampled_from([one for one in Window if one is not Window.TOTAL])
HOUR = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "at", "start", "end"),
    [
        # Clocks go forward in the night: 23 hours. And back: 25.
        ("Europe/Zurich", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("Europe/Zurich", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        # Half an hour forward, and back.
        ("Australia/Lord_Howe", "2026-10-03T20:00", "2026-10-03T13:30", "2026-10-04T13:00"),
        # There is no midnight: the day begins with the jump from 0:00 to 1:00.
        ("Africa/Cairo", "2026-04-24T10:00", "2026-04-23T22:00", "2026-04-24T21:00"),
        # There are two: the first one counts.
        ("America/Havana", "2026-11-01T04:30", "2026-11-01T04:00", "2026-11-02T05:00"),
        ("America/Havana", "2026-11-01T05:30", "2026-11-01T04:00", "2026-11-02T05:00"),
        # Clocks go back from midnight to 23:00 of the day before.
        ("America/Asuncion", "2024-03-24T02:30", "2024-03-23T03:00", "2024-03-24T04:00"),
        # A day that was never lived through.
        ("Pacific/Apia", "2011-12-30T09:59", "2011-12-29T10:00", "2011-12-30T10:00"),
        ("Pacific/Apia", "2011-12-30T10:00", "2011-12-30T10:00", "2011-12-31T10:00"),
    ],
)
def test_a_day_lasts_as_long_as_it_does_there(
    zone: str, at: str, start: str, end: str
) -> None:
    assert window_of(Window.DAY, zone, utc(at)) == (utc(start), utc(end))


def test_a_month_ends_with_its_last_day_whatever_its_length() -> None:
    february = (utc("2028-02-01T00:00"), utc("2028-03-01T00:00"))
    assert window_of(Window.MONTH, "UTC", utc("2028-02-29T23:59:59.999999")) == february
    december = (utc("2026-12-01T05:00"), utc("2027-01-01T05:00"))
    assert window_of(Window.MONTH, "America/New_York", utc("2027-01-01T04:59")) == december


def test_an_hour_that_is_lived_twice_is_two_windows() -> None:
    first = window_of(Window.HOUR, "Europe/Zurich", utc("2026-10-25T00:30"))
    second = window_of(Window.HOUR, "Europe/Zurich", utc("2026-10-25T01:30"))
    assert first == (utc("2026-10-25T00:00"), utc("2026-10-25T01:00"))
    assert second == (utc("2026-10-25T01:00"), utc("2026-10-25T02:00"))


def test_an_hour_is_the_one_that_the_clock_on_the_wall_shows() -> None:
    start, end = window_of(Window.HOUR, "Asia/Kathmandu", utc("2026-06-01T12:10"))
    assert (start, end) == (utc("2026-06-01T11:15"), utc("2026-06-01T12:15"))


def test_the_window_of_everything_has_no_end() -> None:
    assert window_of(Window.TOTAL, "UTC", utc("2026-06-01T12:10")) == (EPOCH, None)


def test_an_unknown_time_zone_is_said_to_be_one() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        window_of(Window.DAY, "Europe/Atlantis", utc("2026-06-01T12:10"))


def test_zones_are_named_after_places_only() -> None:
    assert {"UTC", "Asia/Shanghai", "America/Argentina/Ushuaia"} <= time_zones()
    assert not {"CET", "EST", "Cuba", "", "europe/zurich"} & time_zones()


@settings(max_examples=300)
@given(window=ENDING, zone=ZONES, at=MOMENTS)
def test_every_moment_lies_in_its_window(window: Window, zone: str, at: datetime) -> None:
    start, end = window_of(window, zone, at)
    assert end is not None
    assert start <= at < end


@settings(max_examples=300)
@given(
    window=st.sampled_from([Window.MINUTE, Window.DAY, Window.MONTH]),
    zone=ZONES,
    at=MOMENTS,
)
def test_windows_follow_each_other_without_a_gap(
    window: Window, zone: str, at: datetime
) -> None:
    start, end = window_of(window, zone, at)
    assert end is not None
    assert window_of(window, zone, start) == (start, end)
    assert window_of(window, zone, end - timedelta(microseconds=1)) == (start, end)
    assert window_of(window, zone, end)[0] == end


@given(zone=ZONES, at=MOMENTS)
def test_an_hour_has_sixty_minutes_and_begins_with_the_first(
    zone: str, at: datetime
) -> None:
    start, end = window_of(Window.HOUR, zone, at)
    assert end is not None
    assert end - start == HOUR
    assert at.astimezone(ZoneInfo(zone)).minute == (at - start).seconds // 60
