"""Windows of time that quotas are counted in, in the quota's own time zone.

A day and a month begin at the first moment that bears the local date, so that they last as
long as they do there: 23 or 25 hours when clocks change. Minutes and hours are true spans
of 60 seconds and 60 minutes, aligned to the wall clock; the hour that a clock goes through
twice is two windows. The SQL function `quota_window` says the same (migration 0007).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Window(StrEnum):
    """How long a quota counts before it begins anew."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"  # it never does


_SPANS = {Window.MINUTE: timedelta(minutes=1), Window.HOUR: timedelta(hours=1)}


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """The zones that a quota may have: UTC, and those named after a place.

    Short names are left out: to PostgreSQL `CET` is an hour, here it is a place's rules.
    """
    return frozenset({"UTC"} | {one for one in available_timezones() if "/" in one})


def window_of(
    window: Window, time_zone: str, at: datetime
) -> tuple[datetime, datetime | None]:
    """The window in which `at` falls, in UTC: its first moment and the next one's.

    `total` has no end. `ZoneInfoNotFoundError`: there is no such time zone.
    """
    at = at.astimezone(UTC)
    if window is Window.TOTAL:
        return EPOCH, None
    zone = ZoneInfo(time_zone)
    if (span := _SPANS.get(window)) is not None:
        local = at.astimezone(zone).replace(tzinfo=UTC)
        start = at - (local - EPOCH) % span
        return start, start + span
    day = at.astimezone(zone).date()
    if window is Window.DAY:
        return _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return _midnight(first, zone), _midnight(following, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When the day begins there: `fold=0` is the first of two midnights, and where there
    is none, the moment at which the clock jumps over it.
    """
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
