"""Model prices over HTTP: the built-in ones for reading, the team's own before them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.front import Front

URL = "/api/routing/model-prices"
PRICE = {
    "vendor": "openai",
    "model": "gpt-4o",
    "input_micro_usd": 2_000_000,
    "output_micro_usd": 8_000_000,
    "cache_read_micro_usd": 1_000_000,
}


def set_price(front: Front, headers: dict[str, str], **fields: object) -> dict[str, Any]:
    answer = front.client.post(URL, json=PRICE | fields, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["etag"] == f'"{answer.json()["version"]}"'
    body: dict[str, Any] = answer.json()
    return body


def listed(front: Front, headers: dict[str, str], **query: str) -> list[dict[str, Any]]:
    answer = front.client.get(URL, params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_a_teams_price_stands_beside_the_built_in_one_that_it_takes_the_place_of(
    either: Front,
) -> None:
    me = either.someone()
    own = set_price(either, me)
    either.system.pump()
    both = listed(either, me, vendor="openai", model="gpt-4o")
    built_in, ours = both
    assert ours == own
    assert own | PRICE == own
    assert (own["source"], own["version"], own["read_only"]) == ("team", "1", False)
    assert own["cache_write_micro_usd"] is None
    assert built_in["source"] == "genai-prices"
    assert built_in["input_micro_usd"] == 2_500_000
    assert (built_in["read_only"], built_in["overridden"]) == (True, True)
    assert listed(either, me, source="team") == [own]
    stranger = either.someone()
    (alone,) = listed(either, stranger, vendor="openai", model="gpt-4o")
    assert alone == built_in | {"overridden": False}


def test_every_built_in_price_is_listed_with_its_source_page_by_page(front: Front) -> None:
    me, seen, cursor = front.someone(), [], ""
    while cursor is not None:
        query = {"limit": "500"} | ({"cursor": cursor} if cursor else {})
        page = front.client.get(URL, params=query, headers=me).json()
        seen += page["items"]
        cursor = page["next_cursor"]
    assert {one["source"] for one in seen} == {"genai-prices", "shipped"}
    assert len({one["id"] for one in seen}) == len(seen) > 1000
    assert [one["vendor"] for one in seen] == sorted(one["vendor"] for one in seen)
    tiered = [one for one in seen if one["tiers"]]
    assert all(one["tiers"][0]["above_input_tokens"] > 0 for one in tiered)
    one = next(one for one in seen if one["model"] == "qwen-max")
    assert front.client.get(f"{URL}/{one['id']}", headers=me).json() == one


def test_what_is_built_in_is_not_changed(front: Front) -> None:
    me = front.someone()
    (built_in,) = listed(front, me, vendor="openai", model="gpt-4o")
    url, rates = f"{URL}/{built_in['id']}", {"input_micro_usd": 1, "output_micro_usd": 1}
    for answer in (
        front.client.put(url, json=rates, headers=me),
        front.client.delete(url, headers=me),
    ):
        refused = (answer.status_code, answer.json()["code"])
        assert refused == (403, "built-in-is-read-only")


def test_a_price_is_changed_and_removed_and_its_past_can_be_read(either: Front) -> None:
    me = either.someone()
    own = set_price(either, me)
    url, before = f"{URL}/{own['id']}", datetime.now(UTC)
    rates = {"input_micro_usd": 1, "output_micro_usd": 2, "request_micro_usd": 5}
    stale = either.client.put(url, json=rates, headers=me | {"If-Match": '"9"'})
    assert stale.status_code == 412
    changed = either.client.put(url, json=rates, headers=me | {"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert changed.json()["cache_read_micro_usd"] is None
    assert changed.json()["request_micro_usd"] == 5
    position = changed.headers["x-log-position"]
    assert position.startswith("fleet=")
    same = either.client.put(url, json=rates, headers=me)
    assert same.headers["x-log-position"] == position
    then = either.client.get(url, params={"at": before.isoformat()}, headers=me)
    assert then.json()["input_micro_usd"] == 2_000_000
    then = either.client.get(url, params={"at": position}, headers=me)
    assert then.json() == changed.json()
    gone = either.client.delete(url, headers=me)
    assert gone.status_code == 204
    either.system.pump()
    assert listed(either, me, source="team") == []
    assert either.client.get(url, headers=me).status_code == 404
    assert either.client.delete(url, headers=me).status_code == 404
    assert set_price(either, me)["version"] == "4"


def test_a_second_price_for_a_model_is_a_conflict_and_a_retry_is_not(front: Front) -> None:
    me = front.someone()
    once = me | {"Idempotency-Key": "one"}
    first = front.client.post(URL, json=PRICE, headers=once)
    again = front.client.post(URL, json=PRICE, headers=once)
    assert (first.status_code, again.json()) == (201, first.json())
    second = front.client.post(URL, json=PRICE | {"model": "GPT-4o"}, headers=me)
    assert (second.status_code, second.json()["code"]) == (409, "model-price-exists")
    set_price(front, front.someone())  # another team's is its own


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"vendor": "nobody"}, "vendor", "unknown-vendor"),
        ({"input_micro_usd": None}, "input_micro_usd", "int-type"),
        ({"input_micro_usd": "1"}, "input_micro_usd", "int-type"),
        ({"input_micro_usd": 1.5}, "input_micro_usd", "int-type"),
        ({"output_micro_usd": -1}, "output_micro_usd", "greater-than-equal"),
        ({"output_micro_usd": 10**15 + 1}, "output_micro_usd", "less-than-equal"),
        ({"input_usd": 1}, "input_usd", "unknown-field"),
        ({"model": ""}, "model", "string-too-short"),
    ],
)
def test_a_price_that_says_nonsense_is_refused_by_field(
    front: Front, fields: dict[str, Any], field: str, code: str
) -> None:
    answer = front.client.post(URL, json=PRICE | fields, headers=front.someone())
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": field, "code": code}]


def test_an_alias_of_a_vendor_is_its_vendor(front: Front) -> None:
    vendor = next(one for one in front.system.catalog.all() if one.aliases)
    own = set_price(front, front.someone(), vendor=vendor.aliases[0])
    assert own["vendor"] == vendor.id


def test_a_list_that_is_asked_for_after_a_position_has_what_was_set(real: Front) -> None:
    me = real.someone()
    made = real.client.post(URL, json=PRICE, headers=me)
    real.system.pump()
    position = made.headers["x-log-position"]
    answer = real.client.get(
        URL, params={"source": "team", "after_position": position}, headers=me
    )
    assert answer.json()["items"] == [made.json()]
    assert answer.headers["x-log-position"] == position
