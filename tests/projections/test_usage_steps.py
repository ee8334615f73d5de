"""A span of time is put together from whole steps, and nothing is left out or doubled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from projections.usage_steps import FAR_OFF, STEPS, Span, Step, begin, put_together

YEAR = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = st.one_of(
    st.integers(0, 400 * 24 * 60).map(lambda n: YEAR + timedelta(minutes=n)),
    st.integers(0, 400 * 24 * 3600 * 10).map(
        lambda n: YEAR + timedelta(milliseconds=n * 100)
    ),
    st.integers(0, 400).map(lambda n: YEAR + timedelta(days=n)),
)


@given(TIMES, TIMES, st.sampled_from(STEPS))
@example(YEAR, YEAR, Step.MONTH)
@example(YEAR + timedelta(seconds=1), YEAR + timedelta(seconds=2), Step.MONTH)
@example(YEAR, YEAR + timedelta(days=365), Step.MONTH)
def test_the_parts_lie_end_to_end(one: datetime, other: datetime, coarsest: Step) -> None:
    since, until = sorted((one, other))
    spans, edges = put_together(since, until, coarsest)
    parts = [*map(_ends, spans), *edges]
    at = since
    for start, end in sorted(parts):
        assert start == at < end
        at = end
    assert at == until
    for span in spans:
        assert STEPS.index(span.step) <= STEPS.index(coarsest)
        assert all(begin(one, span.step) == one for one in _ends(span))
    assert all(end - start < timedelta(minutes=1) for start, end in edges)


@given(TIMES, TIMES)
def test_few_steps_of_each_kind_are_taken(one: datetime, other: datetime) -> None:
    since, until = sorted((one, other))
    spans, edges = put_together(since, until, Step.MONTH)
    assert len(spans) <= 7
    assert len(edges) <= 2
    for step, most in ((Step.MINUTE, 59), (Step.HOUR, 23), (Step.DAY, 30)):
        for span in spans:
            if span.step is step and span.since and span.until:
                assert (span.until - span.since) <= 2 * most * _LONG[step]


def _ends(span: Span) -> tuple[datetime, datetime]:
    assert span.since is not None
    assert span.until is not None
    return span.since, span.until


_LONG = {
    Step.MINUTE: timedelta(minutes=1),
    Step.HOUR: timedelta(hours=1),
    Step.DAY: timedelta(days=1),
}


@given(TIMES)
def test_what_has_no_end_goes_on_in_the_coarsest_step(at: datetime) -> None:
    for since, until in ((at, None), (None, at)):
        spans, _ = put_together(since, until, Step.MONTH)
        (endless,) = (one for one in spans if one.since is None or one.until is None)
        assert endless.step is Step.MONTH
    (everything,), _ = put_together(None, None, Step.MONTH)
    assert (everything.since, everything.until) == (None, None)


@pytest.mark.parametrize("step", STEPS)
def test_the_ends_of_the_calendar_are_no_trouble(step: Step) -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert put_together(last, None, step) == ([], [])
    spans, edges = put_together(first, last, step)
    assert [(span.since, span.until) for span in spans] == [(first, None)]
    assert edges == []
    assert put_together(FAR_OFF + timedelta(seconds=1), last, step) == ([], [])
