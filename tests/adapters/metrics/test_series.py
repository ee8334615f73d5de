"""The text that Prometheus reads: as the format says, whatever is in a label."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from adapters.metrics import series
from adapters.metrics.series import Counter, Gauge, Histogram, heading, lines_of, one

LINE = re.compile(r'([a-z_]+)\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\} (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"')


def test_a_counter_says_each_of_its_numbers() -> None:
    counter = Counter("x_total", "What it is.", "vendor", "status")
    counter.add(("openai", 200))
    counter.add(("openai", 200), 2)
    counter.cell(("google", 429))[0] += 1
    assert heading(counter) == "# HELP x_total What it is.\n# TYPE x_total counter"
    assert lines_of(counter, "proxy") == [
        'x_total{process="proxy",vendor="openai",status="200"} 3',
        'x_total{process="proxy",vendor="google",status="429"} 1',
    ]


def test_a_histogram_counts_what_is_not_larger_than_its_bounds() -> None:
    histogram = Histogram("x_seconds", "How long.", bounds=(0.5, 1))
    for value in (0.1, 0.5, 0.6, 7):
        histogram.observe(histogram.cell(()), value)
    assert lines_of(histogram, "p") == [
        'x_seconds_bucket{process="p",le="0.5"} 2',
        'x_seconds_bucket{process="p",le="1"} 3',
        'x_seconds_bucket{process="p",le="+Inf"} 4',
        'x_seconds_sum{process="p"} 8.2',
        'x_seconds_count{process="p"} 4',
    ]


def test_a_gauge_looks_when_it_is_asked() -> None:
    numbers = iter([1.0, 2.5])
    gauge = Gauge("x", "Now.", read=one(lambda: next(numbers)))
    assert lines_of(gauge, "p") + lines_of(gauge, "p") == [
        'x{process="p"} 1',
        'x{process="p"} 2.5',
    ]


def test_a_large_count_is_not_rounded() -> None:
    counter = Counter("x_total", "Tokens.")
    counter.add((), 123_456_789_012_345)
    counter.add((), 1)
    assert lines_of(counter, "p") == ['x_total{process="p"} 123456789012346']


@given(st.text())
def test_whatever_a_label_holds_it_stays_one_line_and_reads_back(text: str) -> None:
    counter = Counter("x_total", "What it is.", "code")
    counter.add((text,))
    (line,) = lines_of(counter, "p")
    found = LINE.fullmatch(line)
    assert found is not None
    labels = dict(LABEL.findall(found[2]))
    read = re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), labels["code"])
    assert read == text.encode("utf-8", "replace").decode()


def test_labels_without_end_are_counted_together_from_some_number_on() -> None:
    counter = Counter("x_total", "What it is.", "code")
    histogram = Histogram("x_seconds", "How long.", "code", bounds=(1,))
    for number in range(series.MOST_SERIES + 50):
        counter.add((number,))
        histogram.observe(histogram.cell((number,)), 0)
    lines = lines_of(counter, "p")
    assert len(lines) == series.MOST_SERIES + 1
    assert lines[-1] == 'x_total{process="p",code="other"} 50'
    assert lines_of(histogram, "p")[-1] == 'x_seconds_count{process="p",code="other"} 50'
