"""Months of calls: taken out and brought back, and when one may go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.calls_months import (
    CallsMonth,
    CallsMonthAttached,
    CallsMonthDetached,
    MonthIsNotOver,
    MonthIsThere,
    end_of,
    refuse_before_its_time,
)
from domain.errors import InvalidFields
from tests.given import given

OUT = CallsMonthDetached(month="2026-01", events=3, root="00", sha256="11")


def test_a_month_is_taken_out_once_and_brought_back_once() -> None:
    given(CallsMonth()).when(lambda month: month.detach(OUT)).then(OUT)
    given(CallsMonth(), OUT).when(lambda month: month.detach(OUT)).then()
    more = CallsMonthDetached(month="2026-01", events=4, root="22", sha256="33")
    given(CallsMonth(), OUT).when(lambda month: month.detach(more)).then(more)
    given(CallsMonth()).when(lambda month: month.attach("2026-01")).refused(MonthIsThere)
    back = CallsMonthAttached(month="2026-01")
    given(CallsMonth(), OUT).when(lambda month: month.attach("2026-01")).then(back)
    given(CallsMonth(), OUT, back).when(lambda month: month.detach(OUT)).then(OUT)


def test_a_month_waits_until_it_is_long_over() -> None:
    assert end_of("2025-12") == datetime(2026, 1, 1, tzinfo=UTC)
    due = end_of("2026-02") + timedelta(days=31)
    refuse_before_its_time("2026-02", now=due)
    with pytest.raises(MonthIsNotOver):
        refuse_before_its_time("2026-02", now=due - timedelta(seconds=1))
    for wrong in ("2026-13", "2026-1", "", "2026-01-01", "x"):
        with pytest.raises(InvalidFields):
            end_of(wrong)
