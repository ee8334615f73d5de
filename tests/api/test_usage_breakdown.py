"""Usage, group by group: all groups together are the summary of the same calls."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.api.calls import Calls
from tests.api.front import Front, a_bot

GROUPS = ["bot", "vendor", "model", "provider_key", "member", "status", "source"]
SUMS = ["calls", "settled", "refused", "input_tokens", "output_tokens"]


def ask(front: Front, me: dict[str, str], path: str, **query: str) -> Any:
    front.system.pump()
    return front.client.get(f"/api/usage/{path}", params=query, headers=me)


@pytest.fixture
def me(either: Front) -> dict[str, str]:
    """Whose team had a day of calls."""
    account = either.registered()
    Calls(either, account["team"]["id"]).a_day()
    return either.bearer(account)


@pytest.mark.parametrize("group", GROUPS)
def test_all_groups_together_are_the_summary(
    either: Front, me: dict[str, str], group: str
) -> None:
    whole = ask(either, me, "summary").json()
    parts = ask(either, me, "breakdown", group_by=group).json()
    assert parts["group_by"] == group
    for name in SUMS:
        assert sum(item[name] for item in parts["items"]) == whole[name], name


@pytest.mark.parametrize("group", GROUPS)
def test_page_by_page_the_groups_are_all_of_them(
    either: Front, me: dict[str, str], group: str
) -> None:
    whole = ask(either, me, "breakdown", group_by=group).json()
    assert whole["next_cursor"] is None
    found, query = [], {"group_by": group, "limit": "1"}
    for _ in whole["items"]:
        page = ask(either, me, "breakdown", **query).json()
        assert len(page["items"]) == 1
        found += page["items"]
        query["cursor"] = page["next_cursor"]
    assert found == whole["items"]
    assert query["cursor"] is None
    file = ask(either, me, "breakdown", group_by=group, limit="1", format="csv").text
    assert len(list(csv.DictReader(io.StringIO(file)))) == len(found)


def test_groups_are_called_by_what_the_filters_take(
    either: Front, me: dict[str, str]
) -> None:
    for item in ask(either, me, "breakdown", group_by="vendor").json()["items"]:
        alone = ask(either, me, "summary", vendor=item["key"]).json()
        assert {name: alone[name] for name in SUMS} == {name: item[name] for name in SUMS}


def test_the_past_is_broken_down_as_it_was(either: Front, me: dict[str, str]) -> None:
    either.system.pump()
    assert ask(either, me, "breakdown", group_by="bot", at="calls=0").json()["items"] == []


def test_a_members_bots_are_the_members_use(either: Front) -> None:
    account = either.registered()
    me = either.bearer(account)
    calls = Calls(either, account["team"]["id"])
    for hostname in ("ada-1", "ada-2"):
        bot = a_bot(either, me, hostname=hostname)["bot"]
        calls.settled_now(bot_id=bot["id"], hostname=hostname)
    (member,) = ask(either, me, "breakdown", group_by="member").json()["items"]
    assert (member["key"], member["label"]) == (account["user"]["id"], "Ada")
    assert member["calls"] == 2


def test_a_breakdown_is_a_file_too(either: Front, me: dict[str, str]) -> None:
    shown = ask(either, me, "breakdown", group_by="model").json()["items"]
    text = ask(either, me, "breakdown", group_by="model", format="csv").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["key"], int(row["calls"])) for row in rows] == [
        (item["key"] or "", item["calls"]) for item in shown
    ]


@pytest.mark.parametrize("query", [{}, {"group_by": "weather"}, {"group_by": "bot,model"}])
def test_one_known_group_is_asked_for(front: Front, query: dict[str, str]) -> None:
    assert ask(front, front.someone(), "breakdown", **query).status_code == 422
