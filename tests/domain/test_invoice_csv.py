"""Exports as vendors write them, as people break them, and as nobody should."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidFields
from domain.invoice_csv import MOST_ROWS, InvoiceFormat, InvoiceLine, read_lines

GENERIC, OPENAI = InvoiceFormat.GENERIC, InvoiceFormat.OPENAI
HEADER = "date,model,key,input_tokens,output_tokens,requests,cost_usd\n"
SPELT = "Date, Model ,KEY,Input Tokens,output-tokens,Requests,Cost (USD)\n"
DAY = date(2026, 3, 2)


def read(
    text: str, layout: InvoiceFormat = GENERIC, zone: str = "UTC"
) -> list[InvoiceLine]:
    return list(read_lines(text, layout, zone))


def one(cells: str) -> InvoiceLine:
    (line,) = read(HEADER + cells + "\n")
    return line


def wrong(text: str, layout: InvoiceFormat = GENERIC) -> dict[str, str]:
    with pytest.raises(InvalidFields) as refused:
        read(text, layout)
    return refused.value.codes


CLEAN = InvoiceLine(
    row=2,
    day=DAY,
    model="gpt-5",
    key="Main",
    input_tokens=1234,
    output_tokens=5,
    requests=2,
    cost_micro_usd=1_500_000,
)


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "2026-03-02,gpt-5,Main,1234,5,2,1.5\n",
        "\ufeff" + HEADER + "2026/3/2,gpt-5,Main,1234,5,2,$1.50\n",
        (HEADER + '"2026-03-02","gpt-5","Main","1,234",5.0,2,15e-1\n').replace(
            "\n", "\r\n"
        ),
        SPELT + "2026-03-02T23:59:59Z,gpt-5,Ma\x00in,1.234e3,5,2,1.4999995",
    ],
)
def test_it_may_be_written_in_many_ways(text: str) -> None:
    assert read(text) == [CLEAN]


def test_the_exports_of_openai_are_read() -> None:
    usage = "start_time,num_model_requests,api_key_id,model,input_tokens,output_tokens\n"
    rows = "1772409600,3,key_1,gpt-5-2025-08-07,10,4\n1772496000,,,,,\n"
    (line,) = read(usage + rows, OPENAI)
    assert (line.day, line.requests, line.key) == (DAY, 3, "key_1")
    assert (line.input_tokens, line.output_tokens, line.cost_micro_usd) == (10, 4, None)
    costs = "start_time,start_time_iso,amount_value,amount_currency,line_item,user_email\n"
    row = (
        '1772409600,2026-03-02T00:00:00,0.0038359800000000000000,usd,"gpt-5, input",a@b.c\n'
    )
    (line,) = read(costs + row, OPENAI)
    assert (line.model, line.cost_micro_usd, line.input_tokens) == ("gpt-5", 3836, None)
    assert "a@b.c" not in repr(line)
    assert wrong(costs + row.replace("usd", "eur"), OPENAI) == {
        "content.2.amount_currency": "not-in-dollars"
    }


def test_the_cost_export_of_anthropic_is_read() -> None:
    text = (
        "usage_date_utc,model,workspace,api_key,token_type,cost_usd\n"
        "2026-03-02,Claude Opus 4.5,Default,Main,input_no_cache,0.19\n"
    )
    (line,) = read(text, InvoiceFormat.ANTHROPIC)
    assert (line.model, line.key) == ("Claude Opus 4.5", "Main")
    assert (line.cost_micro_usd, line.output_tokens) == (190_000, None)


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ("2026-03-02,m,,-1,1,1,1", {"content.2.input_tokens": "below-zero"}),
        ("2026-03-02,m,,1.5,1,1,1", {"content.2.input_tokens": "not-a-whole-number"}),
        ("2026-03-02,m,,1e99,1,1,1", {"content.2.input_tokens": "out-of-range"}),
        ("2026-03-02,m,,1e999999999,1,1,1", {"content.2.input_tokens": "not-a-number"}),
        ("2026-03-02,m,,NaN,1,1,1", {"content.2.input_tokens": "not-a-number"}),
        ("2026-03-02,m,,1,1,1,Infinity", {"content.2.cost_usd": "not-a-number"}),
        ("2026-03-02,m,,1,1,1,.", {"content.2.cost_usd": "not-a-number"}),
        ("2026-03-02,m,,1,1,1,1e12", {"content.2.cost_usd": "out-of-range"}),
        ("2026-02-30,m,,1,1,1,1", {"content.2.date": "not-a-day"}),
        ("02/03/2026,m,,1,1,1,1", {"content.2.date": "not-a-day"}),
        (",m,,1,1,1,1", {"content.2.date": "not-a-day"}),
        ("2026-03-02,m,,1,1,1", {"content.2": "wrong-number-of-cells"}),
        ("2026-03-02,m,,1,1,1,1,1", {"content.2": "wrong-number-of-cells"}),
        (f"2026-03-02,{'m' * 1001},,1,1,1,1", {"content.2": "too-long"}),
        (f"2026-03-02,{'m' * 201},,1,1,1,1", {"content.2.model": "too-long"}),
        (f"2026-03-02,{'m' * 200_000},,1,1,1,1", {"content": "not-csv"}),
        ('2026-03-02,"m"x,,1,1,1,1', {"content": "not-csv"}),
        ('2026-03-02,"m,,1,1,1,1', {"content": "not-csv"}),
        ("2026-03-02,m,k,,,,", {"content": "no-lines"}),
        ("," * 200, {"content.2": "too-many-columns"}),
    ],
)
def test_what_cannot_be_read_is_named(cells: str, told: dict[str, str]) -> None:
    assert wrong(HEADER + cells + "\n") == told


def test_columns_that_are_needed_must_be_there_once() -> None:
    assert wrong("date,model\n") == {
        f"content.{name}": "missing"
        for name in ("input_tokens", "output_tokens", "cost_usd")
    }
    assert wrong("") == wrong("x\n")
    assert wrong("date,model\n", OPENAI) == {"content": "no-figures"}
    assert wrong(HEADER.replace("key", "date")) == {"content": "twice"}


def test_there_are_only_so_many_rows() -> None:
    row = "2026-03-02,m,,1,1,1,1\n"
    assert len(read(HEADER + row * MOST_ROWS)) == MOST_ROWS
    assert wrong(HEADER + row * (MOST_ROWS + 1)) == {"content": "too-many-rows"}


def test_a_moment_is_of_the_day_that_it_is_there() -> None:
    text = HEADER + "2026-03-02T20:00:00Z,m,,1,1,1,1\n2026-03-02,m,,1,1,1,1\n"
    days = [line.day.day for line in read(text, zone="Asia/Tokyo")]
    assert days == [3, 2]


def test_a_credit_is_below_nothing() -> None:
    assert one("2026-03-02,m,,0,0,0,-1.0000005").cost_micro_usd == -1_000_001


@given(st.decimals(-(10**9), 10**9, places=9))
def test_money_is_exact_and_rounded_half_up(dollars: Decimal) -> None:
    expected = (dollars * 10**6).to_integral_value(ROUND_HALF_UP)
    for written in (f"{dollars:f}", f"{dollars:E}"):
        assert one(f"2026-03-02,m,,0,0,0,{written}").cost_micro_usd == expected


@given(
    st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: raw.decode("latin-1"))
)
@settings(max_examples=300)
def test_nothing_breaks_the_reader(text: str) -> None:
    for whole in (text, HEADER + text):
        for layout in InvoiceFormat:
            with suppress(InvalidFields):
                assert read(whole, layout)


Cell = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.lists(st.tuples(Cell, Cell, st.integers(0, 2**50)), min_size=1, max_size=20))
def test_what_a_csv_writer_wrote_is_read(rows: list[tuple[str, str, int]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["date", "model", "key", "input_tokens", "output_tokens", "cost_usd"])
    for model, key, tokens in rows:
        writer.writerow(["2026-03-02", model, key, tokens, 0, 0])
    lines = read(text.getvalue())
    assert [line.input_tokens for line in lines] == [tokens for _, _, tokens in rows]
    for line in lines:
        for name in (line.model, line.key):
            assert name is None or (name.strip() == name and "\x00" not in name)
