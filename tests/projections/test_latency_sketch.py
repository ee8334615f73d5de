"""Many times in one number: added up, taken away, and told, in Python and in SQL alike."""

from __future__ import annotations

import psycopg
from hypothesis import given
from hypothesis import strategies as st

from projections.latency_histogram import LAST, merged, one, quantile, step_of
from projections.latency_sketch import quantiles, sketch_of

TIMES = st.lists(st.integers(0, 10_000_000), max_size=100)
SHARES = (0.5, 0.95, 0.99)


@given(TIMES, TIMES)
def test_quantiles_are_those_of_the_histogram(some: list[int], more: list[int]) -> None:
    sketch = sum(map(sketch_of, some)) + sum(map(sketch_of, more))
    counts = merged(map(one, [*some, *more]))
    found = quantiles(sketch, SHARES)
    told = [quantile(counts, share) for share in SHARES]
    assert told == ([None] * 3 if found is None else found)
    assert sketch - sum(map(sketch_of, more)) == sum(map(sketch_of, some))


def test_steps_with_many_calls_do_not_run_over() -> None:
    many = 10**12 - 1
    found = quantiles(many * (sketch_of(2) + sketch_of(5000)) + sketch_of(10), SHARES)
    assert found is not None
    assert found[0] <= 10
    assert 4500 < found[1] == found[2] < 5500


def test_what_was_not_measured_is_counted_nowhere() -> None:
    assert sketch_of(None) == 0
    assert quantiles(0, SHARES) is None


def test_the_database_counts_as_we_do(database_url: str) -> None:
    steps: dict[int, int] = {}
    for power in range(23 * 16):
        near = round(2 ** (power / 16))
        steps |= {time: step_of(time) for time in (near - 1, near, near + 1)}
    assert set(steps.values()) >= {0, 8, *range(40, LAST + 1)}
    with psycopg.connect(database_url) as connection:
        told = connection.execute(
            "SELECT ms, latency_sketch(ms)::text FROM unnest(%s::bigint[]) AS ms",
            (list(steps),),
        ).fetchall()
    assert {ms: int(text) for ms, text in told} == {ms: sketch_of(ms) for ms in steps}
