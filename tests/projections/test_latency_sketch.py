"""Many times in one sketch: added up and told, in Python and in SQL alike."""

from __future__ import annotations

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.postgres.binary_array import Sent, numeric_array, send_arrays
from adapters.postgres.sketches import from_numeric, to_numeric
from projections.latency_histogram import LAST, merged, one, quantile, step_of
from projections.latency_sketch import DIGITS, NOTHING, Sketch, sketch_of

TIMES = st.lists(st.integers(0, 10_000_000), max_size=100)
SHARES = (0.0, 0.5, 0.95, 0.99, 1.0)
MOST = 10**DIGITS - 1
SKETCHES = st.builds(
    lambda steps: sum((Sketch.of(n, (count,)) for n, count in steps), NOTHING),
    st.lists(st.tuples(st.integers(0, LAST), st.integers(1, MOST // 20)), max_size=20),
)


def added(times: list[int]) -> Sketch:
    return sum(map(sketch_of, times), NOTHING)


@given(TIMES, TIMES)
def test_quantiles_are_those_of_the_histogram(some: list[int], more: list[int]) -> None:
    sketch = added(some) + added(more)
    counts = merged(map(one, [*some, *more]))
    found = sketch.quantiles(SHARES)
    told = [quantile(counts, share) for share in SHARES]
    assert told == ([None] * len(SHARES) if found is None else found)
    assert sketch == added(more + some)


@given(
    st.sampled_from([1, 255, 256, 9_999, 10**8 - 1, MOST]).flatmap(
        lambda most: st.lists(st.integers(0, most), max_size=9).map(lambda c: [most, *c, 1])
    )
)
def test_counts_of_any_size_are_kept(counts: list[int]) -> None:
    sketch, (first, second, *rest) = Sketch.of(5, counts), counts
    assert sketch.counts == tuple(counts)
    assert (sketch + Sketch.of(6, (7,))).counts == (first, second + 7, *rest)


def test_what_was_not_measured_is_counted_nowhere() -> None:
    assert sketch_of(None) == NOTHING
    assert NOTHING.quantiles(SHARES) is None


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SKETCHES | st.builds(Sketch.of, st.integers(0, LAST), st.just((MOST,)))))
def test_the_database_keeps_and_adds_them(
    database_server: str, sketches: list[Sketch]
) -> None:
    with psycopg.connect(database_server) as connection, connection.cursor() as cursor:
        send_arrays(cursor)
        array = Sent(numeric_array(list(map(to_numeric, sketches))))
        told = cursor.execute(
            "SELECT numeric_send(n), n::text FROM unnest(%s::numeric[]) "
            "WITH ORDINALITY AS u (n, place) ORDER BY place",
            (array,),
        ).fetchall()
        total = cursor.execute(
            "SELECT numeric_send(COALESCE(sum(n), 0)) FROM unnest(%s::numeric[]) AS n",
            (array,),
        ).fetchone()
    assert [from_numeric(number) for number, _ in told] == sketches
    assert [int(text) for _, text in told] == list(map(number_of, sketches))
    everything = sum(sketches, NOTHING)
    assert total is not None
    if max(everything.counts, default=0) <= MOST:
        assert from_numeric(total[0]) == everything


def number_of(sketch: Sketch) -> int:
    """As the documentation has it: a step's count stands in digits of its own."""
    steps = enumerate(sketch.counts, start=sketch.lowest)
    return sum(count * 10 ** (DIGITS * step) for step, count in steps)


def test_the_database_counts_as_we_do(database_url: str) -> None:
    steps: dict[int, int] = {}
    for power in range(23 * 16):
        near = round(2 ** (power / 16))
        steps |= {time: step_of(time) for time in (near - 1, near, near + 1)}
    assert set(steps.values()) >= {0, 8, *range(40, LAST + 1)}
    with psycopg.connect(database_url) as connection:
        told = connection.execute(
            "SELECT ms, numeric_send(latency_sketch(ms)) FROM unnest(%s::bigint[]) AS ms",
            (list(steps),),
        ).fetchall()
    assert {ms: from_numeric(n) for ms, n in told} == {ms: sketch_of(ms) for ms in steps}
