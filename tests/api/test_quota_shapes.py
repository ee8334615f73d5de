"""What quotas may look like, coming in: every field that cannot be is named."""

from __future__ import annotations

import pytest

from tests.api.front import Front
from tests.api.test_quotas import NEW, created, refused


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"limit": -1}, "limit", "greater-than-equal"),
        ({"limit": 2**53}, "limit", "less-than-equal"),
        ({"limit": 1.5}, "limit", "int-type"),
        ({"limit": "7"}, "limit", "int-type"),
        ({"warn_at": 0}, "warn_at", "greater-than"),
        ({"warn_at": 1.001}, "warn_at", "less-than-equal"),
        ({"warn_at": 0.8001}, "warn_at", "too-many-decimals"),
        ({"warn_at": True}, "warn_at", "float-type"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone", "unknown"),
        ({"time_zone": "CET"}, "time_zone", "unknown"),
        ({"time_zone": "../etc/passwd"}, "time_zone", "unknown"),
        ({"metric": "dollars"}, "metric", "enum"),
        ({"window": "week"}, "window", "enum"),
        ({"mode": "maybe"}, "mode", "enum"),
        ({"scope": {"kind": "bot"}}, "scope.id", "missing"),
        ({"scope": {"kind": "bot", "id": "ada-1"}}, "scope.id", "uuid-parsing"),
        ({"scope": {"kind": "model", "id": "a b"}}, "scope.id", "not-a-model"),
        ({"scope": {"kind": "model", "id": ""}}, "scope.id", "string-too-short"),
        ({"scope": {"kind": "planet"}}, "scope.kind", "enum"),
        ({"raise": {"by": 1}}, "raise", "unknown-field"),
    ],
)
def test_what_no_quota_can_be_names_the_field(
    front: Front, fields: dict[str, object], field: str, code: str
) -> None:
    answer = front.client.post("/api/quota", json=NEW | fields, headers=front.someone())
    assert refused(answer, field) == [code]


def test_the_ends_of_the_ranges_are_taken(front: Front) -> None:
    me = front.someone()
    for limit, warn_at in ((0, 0.001), (2**53 - 1, 1), (7, None), (8, 0.123)):
        scope = {"kind": "model", "id": f"m-{limit}"}
        quota = created(front, me, limit=limit, warn_at=warn_at, scope=scope)
        assert (quota["limit"], quota["warn_at"]) == (limit, warn_at)


@pytest.mark.parametrize("field", ["scope", "metric", "window", "time_zone"])
def test_what_a_balance_is_kept_for_does_not_change(front: Front, field: str) -> None:
    me = front.someone()
    url = f"/api/quota/{created(front, me)['id']}"
    answer = front.client.patch(url, json={"limit": 1, field: NEW.get(field)}, headers=me)
    assert refused(answer, field) == ["fixed"]
    assert answer.json()["code"] == "quota-is-fixed"
    assert "set another quota" in answer.json()["detail"]
