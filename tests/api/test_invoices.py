"""A vendor's usage export, compared with the calls that were made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.calls import DAY, Calls
from tests.api.front import Front

HEADER = "date,model,key,input_tokens,output_tokens,requests,cost_usd\n"
BELOW_ZERO = HEADER + "2026-03-02,m,,-1,1,1,1\n"
MINUTE = timedelta(minutes=1)
SUMS = ("calls", "refused", "unmetered", "unpriced", "input_tokens", "output_tokens")


class Bookkeeper:
    """Somebody of a team that calls models, with the vendor's exports."""

    def __init__(self, front: Front) -> None:
        account = front.registered()
        self.front, self.headers = front, front.bearer(account)
        self.calls = Calls(front, account["team"]["id"])

    def post(self, content: Any, **other: Any) -> Any:
        self.front.system.pump()
        new = {"vendor": "openai", "format": "generic", "content": content} | other
        return self.front.client.post("/api/invoice", json=new, headers=self.headers)

    def imported(self, content: Any, **other: Any) -> dict[str, Any]:
        """The invoice, read whole."""
        answer = self.post(content, **other)
        assert answer.status_code == 201, answer.text
        read = self.get(answer.json()["id"])
        assert read.status_code == 200, read.text
        told: dict[str, Any] = read.json()
        assert {name: told[name] for name in answer.json()} == answer.json()
        return told

    def get(self, path: str) -> Any:
        return self.front.client.get(f"/api/invoice/{path}", headers=self.headers)

    def again(self, invoice_id: str) -> dict[str, Any]:
        self.front.system.pump()
        path = f"/api/invoice/{invoice_id}/reconcile"
        answer = self.front.client.post(path, headers=self.headers)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def usage(self, invoice: dict[str, Any]) -> dict[str, Any]:
        """What `/api/usage` says of the same time at the same position."""
        totals = invoice["totals"]
        query = {
            "vendor": invoice["vendor"],
            "from": totals["from"],
            "to": totals["to"],
            "at": invoice["position"],
        }
        path = "/api/usage/summary"
        answer = self.front.client.get(path, params=query, headers=self.headers)
        assert answer.status_code == 200, answer.text
        summary: dict[str, Any] = answer.json()
        return summary

    def a_key(self, label: str) -> str:
        new = {"vendor": "openai", "label": label, "secret": f"sk-{uuid4()}"}
        path = "/api/provider-key"
        made = self.front.client.post(path, json=new, headers=self.headers).json()
        return str(made["id"])


@pytest.fixture
def ada(either: Front) -> Bookkeeper:
    """In memory, and on PostgreSQL."""
    return Bookkeeper(either)


@pytest.fixture
def bob(front: Front) -> Bookkeeper:
    """In memory."""
    return Bookkeeper(front)


def line(model: str, tokens: int, *, calls: int = 1, micro: int | None = None) -> str:
    """What the vendor would say of such calls, a micro-dollar for each input token."""
    cost = tokens if micro is None else micro
    return f"2026-03-02,{model},,{tokens},{calls},{calls},{cost / 1e6:.6f}\n"


def names(outcomes: list[dict[str, Any]]) -> list[str]:
    return [one["model"] for one in outcomes]


def agree(invoice: dict[str, Any], usage: dict[str, Any]) -> None:
    """Matched and unmatched calls together are the usage of that time."""
    found = [
        one["counted"]
        for kind in ("matches", "variances", "unmatched_calls")
        for one in invoice[kind]
    ]
    totals = invoice["totals"]
    for name in (*SUMS, "cost_micro_usd"):
        expected = usage[name] or 0
        assert sum(one[name] for one in found) == expected, name
        assert totals["counted"][name] == expected, name
        parts = totals["matched"][name] + totals["unmatched"][name]
        assert parts == expected, name


def test_three_lines_match_one_differs_one_is_unknown_and_a_call_has_none(
    ada: Bookkeeper,
) -> None:
    for model, tokens in (("m1", 10), ("m1", 5), ("m2", 20), ("m3", 30), ("m4", 40)):
        ada.calls.settled(DAY + MINUTE, tokens, model=model)
    ada.calls.settled(DAY + MINUTE, 7, model="nobody-billed-it")
    ada.calls.settled(DAY + MINUTE, 9, vendor="anthropic")  # another vendor's
    ada.calls.settled(DAY - MINUTE, 9)  # another day's
    told = ada.imported(
        HEADER
        + line("m1", 15, calls=2)
        + line("m2", 20)
        + line("m3", 30)
        + line("m4", 50)
        + line("never-called", 1)
    )
    assert names(told["matches"]) == ["m1", "m2", "m3"]
    (varied,) = told["variances"]
    assert (varied["model"], varied["told"]["input_tokens"]) == ("m4", 50)
    assert varied["counted"]["input_tokens"] == 40
    assert varied["differences"] == {
        "input_tokens": {"absolute": 10, "ppm": 200_000},
        "output_tokens": {"absolute": 0, "ppm": 0},
        "cost_micro_usd": {"absolute": 10, "ppm": 200_000},
    }
    assert names(told["unmatched_lines"]) == ["never-called"]
    assert told["unmatched_lines"][0]["first_row"] == 6
    assert names(told["unmatched_calls"]) == ["nobody-billed-it"]
    assert [one["row"] for one in told["lines"]] == [2, 3, 4, 5, 6]
    totals = told["totals"]
    counts = ("matches", "variances", "unmatched_lines", "unmatched_calls")
    assert [totals[name] for name in counts] == [3, 1, 1, 1]
    assert totals["told"]["cost_micro_usd"] == 116
    assert totals["counted"]["cost_micro_usd"] == 112
    assert totals["differences"]["cost_micro_usd"] == {"absolute": 4, "ppm": 34_483}
    agree(told, ada.usage(told))


def test_all_calls_of_the_days_are_in_it_whatever_became_of_them(ada: Bookkeeper) -> None:
    ada.calls.a_day()
    for zone, day in (("UTC", 2), ("Asia/Tokyo", 2), ("America/New_York", 1)):
        row = f"2026-03-0{day},m1,,1,1,1,0\n"
        told = ada.imported(HEADER + row, time_zone=zone)
        assert told["totals"]["counted"]["calls"] > 2
        agree(told, ada.usage(told))


def test_it_stays_as_it_was_found_until_it_is_reconciled_again(ada: Bookkeeper) -> None:
    ada.calls.settled(DAY, 10)
    before = ada.imported(HEADER + line("m1", 15, calls=2))
    ada.calls.settled(DAY, 5)
    ada.front.system.pump()
    assert ada.get(before["id"]).json() == before
    agree(before, ada.usage(before))
    after = ada.again(before["id"])
    assert (names(before["variances"]), names(after["matches"])) == (["m1"], ["m1"])
    assert ada.get(before["id"]).json() == after
    agree(after, ada.usage(after))
    head = ada.front.system.fleet.head()
    assert ada.again(before["id"]) == after  # the calls log has not moved on
    assert ada.front.system.fleet.head() == head


def test_where_nothing_changed_only_the_position_is_recorded(ada: Bookkeeper) -> None:
    ada.calls.settled(DAY, 10)
    before = ada.imported(HEADER + line("m1", 10))
    head = ada.front.system.fleet.head()
    ada.calls.settled(DAY + timedelta(days=9), 10)
    after = ada.again(before["id"])
    page = ada.front.system.fleet.page(after=head, limit=10)
    assert [one.recorded.event.TOPIC for one in page.events] == ["invoice.reconciled"]
    assert after["position"] != before["position"]
    assert after["matches"] == before["matches"] != []


def test_keys_are_known_by_label_by_id_or_by_what_is_told(ada: Bookkeeper) -> None:
    ours, mapped = ada.a_key("Main"), ada.a_key("Other")
    rows = (("main", 1), (ours, 2), ("key_abc", 4), ("a stranger", 8))
    cells = [f"2026-03-02,m1,{key},{tokens},0,,0\n" for key, tokens in rows]
    told = ada.imported(HEADER + "".join(cells), keys={"key_abc": mapped})
    lines = {one["provider_key_id"] or one["key"]: one for one in told["unmatched_lines"]}
    assert lines.keys() == {ours, mapped, "a stranger"}
    assert lines[ours]["told"]["input_tokens"] == 3
    assert told["keys"] == {"main": ours, ours: ours, "key_abc": mapped}


def test_with_a_key_all_lines_and_no_other_calls_are_of_it(ada: Bookkeeper) -> None:
    ours = ada.a_key("Main")
    ada.calls.settled(DAY, 10, provider_key_id=ours)
    ada.calls.settled(DAY, 99)
    row = "2026-03-02,m1,whatever,10,1,1,0.00001\n"
    told = ada.imported(HEADER + row, provider_key_id=ours)
    assert names(told["matches"]) == ["m1"]
    assert told["unmatched_calls"] == []
    assert told["totals"]["counted"]["calls"] == 1


def test_the_console_of_anthropic_is_read(bob: Bookkeeper) -> None:
    model = "claude-opus-4-20250514"
    bob.calls.settled(DAY, 100, vendor="anthropic", model=model)
    header = (
        "usage_date_utc,model_version,api_key,workspace,usage_input_tokens_no_cache,"
        "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,"
        "usage_input_tokens_cache_read,usage_output_tokens\r\n"
    )
    content = f"\ufeff{header}2026-03-02,{model},,Default,50,20,10,20,1\r\n"
    told = bob.imported(content, vendor="anthropic", format="anthropic")
    assert names(told["matches"]) == [model]
    assert told["matches"][0]["differences"]["cost_micro_usd"] is None


def test_a_long_export_comes_in_parts_and_is_kept_in_pages(bob: Bookkeeper) -> None:
    content = HEADER + "".join(line(f"m{n}", n) for n in range(3_000))
    parts = [content[at : at + 60_000] for at in range(0, len(content), 60_000)]
    assert len(parts) > 1
    told = bob.imported(parts)
    assert (told["line_count"], len(told["lines"])) == (3_000, 3_000)
    assert told["totals"]["unmatched_lines"] == len(told["unmatched_lines"]) == 3_000
    for placed in bob.front.system.fleet.page(after=0, limit=1_000).events:
        assert len(repr(placed.recorded.event)) < 200_000


def test_invoices_are_listed_the_newest_first_and_page_by_page(ada: Bookkeeper) -> None:
    ids = [ada.imported(HEADER + line(f"m{n}", n))["id"] for n in range(3)]
    first = ada.get("../invoice?limit=2").json()
    assert [one["id"] for one in first["items"]] == [ids[2], ids[1]]
    rest = ada.get(f"../invoice?limit=2&cursor={first['next_cursor']}").json()
    assert [one["id"] for one in rest["items"]] == [ids[0]]
    assert rest["next_cursor"] is None


def test_the_same_export_is_not_there_twice(ada: Bookkeeper) -> None:
    content = HEADER + line("m1", 1)
    assert ada.post(content).status_code == 201
    again = ada.post(content)
    assert (again.status_code, again.json()["code"]) == (409, "invoice-is-imported")
    assert ada.post(content, time_zone="Asia/Tokyo").status_code == 201


def test_another_teams_invoices_and_keys_are_not_there(ada: Bookkeeper) -> None:
    other = Bookkeeper(ada.front)
    theirs, key = other.imported(HEADER + line("m1", 1))["id"], other.a_key("Main")
    assert ada.get(theirs).status_code == 404
    path = f"/api/invoice/{theirs}/reconcile"
    assert ada.front.client.post(path, headers=ada.headers).status_code == 404
    assert ada.get("../invoice").json()["items"] == []
    head = ada.front.system.fleet.head()
    for field, value in (("provider_key_id", key), ("keys", {"x": key})):
        row = "2026-03-02,m1,x,1,1,1,0\n"
        refused = ada.post(HEADER + row, **{field: value})
        assert refused.status_code == 422
        assert refused.json()["errors"] == [{"field": field, "code": "not-found"}]
    assert ada.front.system.fleet.head() == head
    assert ada.imported(HEADER + "2026-03-02,m1,Main,1,1,1,0\n")["keys"] == {}


def test_the_same_export_is_another_invoice_to_another_team(ada: Bookkeeper) -> None:
    other, content = Bookkeeper(ada.front), HEADER + line("m1", 1)
    assert other.imported(content)["id"] != ada.imported(content)["id"]


@pytest.mark.parametrize(
    ("other", "field", "code"),
    [
        ({"vendor": "nobody"}, "vendor", "unknown-vendor"),
        ({"format": "xls"}, "format", "enum"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "unknown"),
        ({"content": HEADER}, "content", "no-lines"),
        ({"content": BELOW_ZERO}, "content.2.input_tokens", "below-zero"),
        ({"content": 5}, "content", "string-type"),
        ({"surprise": 1}, "surprise", "unknown-field"),
    ],
)
def test_what_cannot_be_is_named(
    bob: Bookkeeper, other: dict[str, Any], field: str, code: str
) -> None:
    answer = bob.post(**{"content": HEADER + line("m1", 1)} | other)
    assert answer.status_code == 422
    assert {"field": field, "code": code} in answer.json()["errors"]


def test_a_formula_is_the_text_that_it_is(bob: Bookkeeper) -> None:
    told = bob.imported(HEADER + '2026-03-02,"=HYPERLINK(""x"")",+cmd\x1b[0m,1,1,1,1\n')
    assert told["lines"][0]["model"] == '=HYPERLINK("x")'
    assert told["lines"][0]["key"] == "+cmd[0m"
