"""`/api/usage/trend?granularity=minute`, which is kept short."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.calls import Calls
from tests.api.front import Front


def test_a_trend_goes_by_minute_within_a_week(front: Front) -> None:
    me = front.registered()
    Calls(front, me["team"]["id"]).a_day()
    front.system.pump()

    def trend(**query: str) -> Any:
        params = query | {"granularity": "minute"}
        return front.client.get("/api/usage/trend", params=params, headers=front.bearer(me))

    day = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-02T01:00:00Z"}
    items = trend(**day).json()["items"]
    assert [item["start"] for item in items] == [
        f"2026-03-02T00:{minute:02}:00Z" for minute in (0, 1, 5, 6, 7, 59)
    ]
    assert trend(to=day["to"]).json()["items"] == items  # of the seven days before
    assert trend(to="0001-01-01T00:00:00Z").json()["items"] == []
    assert trend().status_code == 200
    long = trend(**{"from": "2026-03-02T00:00:00Z", "to": "2026-04-01T00:00:00Z"})
    assert long.status_code == 422


def test_a_trend_by_minute_has_so_many_points_at_most(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = front.registered()
    Calls(front, me["team"]["id"]).a_day()
    front.system.pump()
    hour = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-02T01:00:00Z"}

    def asked(**query: str) -> Any:
        return front.client.get(
            "/api/usage/trend", params=hour | query, headers=front.bearer(me)
        )

    monkeypatch.setattr("api.usage_reading.MOST_MINUTES", 5)
    refused = asked(granularity="minute").json()
    assert refused["errors"] == [{"field": "from", "code": "more-than-1500-minutes"}]
    assert asked(granularity="hour").status_code == 200
    monkeypatch.setattr("api.usage_reading.MOST_MINUTES", 6)
    assert len(asked(granularity="minute").json()["items"]) == 6
