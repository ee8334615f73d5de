"""Keys over HTTP: rotated, disabled, asked about, and how they do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from application.event_log import Caller, Stream, acting
from application.ports import Found
from domain.attempts import Attempt
from domain.keys import ProviderKeyCooled, ProviderKeyDied
from domain.verdicts import Verdict
from tests.api.calls import Calls, admitted, settled
from tests.api.front import Front
from tests.api.system import LOCAL
from tests.api.test_provider_keys import CANARY, added

NEW_SECRET = "sk-second-0123456789-QRST"


def recorded(front: Front, key_id: str, *events: Any) -> None:
    """Put these at the end of the key's stream, as a policy would."""
    log, stream = front.system.fleet, UUID(key_id)
    history = log.history(stream)
    with acting(Caller("system:projector", team_id=history[0].team_id)):
        log.append(Stream(stream, len(history), None), events)


def test_a_rotated_key_shows_the_new_secrets_end_and_nothing_else_of_it(
    either: Front,
) -> None:
    me = either.someone()
    url = f"/api/provider-key/{added(either, me)['id']}"
    rotated = either.client.post(f"{url}/rotate", json={"secret": NEW_SECRET}, headers=me)
    assert (rotated.status_code, rotated.json()["last4"]) == (200, "QRST")
    assert rotated.headers["etag"] == '"2"'
    assert NEW_SECRET[:-4] not in rotated.text
    late = either.client.post(
        f"{url}/rotate", json={"secret": NEW_SECRET}, headers=me | {"If-Match": '"1"'}
    )
    assert late.status_code == 412
    either.system.pump()
    (listed,) = either.client.get("/api/provider-key", headers=me).json()["items"]
    assert listed == rotated.json()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "secret"),
        ({"secret": "a b"}, "secret"),
        ({"secret": NEW_SECRET, "grace_seconds": -1}, "grace_seconds"),
        ({"secret": NEW_SECRET, "grace_seconds": 604801}, "grace_seconds"),
        ({"secret": NEW_SECRET, "base_url": "https://x"}, "base_url"),
    ],
)
def test_what_no_rotation_can_be_is_refused_by_field(
    front: Front, body: dict[str, object], field: str
) -> None:
    me = front.someone()
    url = f"/api/provider-key/{added(front, me)['id']}/rotate"
    answer = front.client.post(url, json=body, headers=me)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert NEW_SECRET not in answer.text


def test_a_key_is_disabled_and_enabled(either: Front) -> None:
    me = either.someone()
    url = f"/api/provider-key/{added(either, me)['id']}"
    for change, status in (
        ({"status": "disabled"}, "disabled"),
        ({"disabled": True}, "disabled"),
        ({"label": "other", "disabled": False}, "active"),
        ({"status": "disabled"}, "disabled"),
        ({"status": "active"}, "active"),
    ):
        edited = either.client.patch(url, json=change, headers=me)
        assert edited.json()["status"] == status
    assert edited.json()["version"] == 6
    assert either.client.patch(url, json={"status": "dead"}, headers=me).status_code == 422


def test_a_cooling_key_is_active_again_when_its_time_is_over(front: Front) -> None:
    me = front.someone()
    now = datetime.now(UTC)
    for seconds, status in ((60, "cooling"), (-1, "active")):
        key = added(front, me)["id"]
        until = now + timedelta(seconds=seconds)
        recorded(front, key, ProviderKeyCooled(until=until, verdict=Verdict.THROTTLED))
        front.system.pump()
        shown = front.client.get(f"/api/provider-key/{key}", headers=me).json()
        assert shown["status"] == status
        assert (shown["cooling_until"] is not None) is (status == "cooling")
        listed = front.client.get("/api/provider-key", headers=me).json()["items"]
        assert listed[-1]["status"] == status


def test_a_secret_is_tried_without_being_kept(front: Front) -> None:
    me = front.someone()
    head = front.system.fleet.head()
    said = Found(verdict=Verdict.NO_FUNDS, http_status=402)
    front.system.vendors.found = said
    asked = {"vendor": "openai", "secret": CANARY, "base_url": f"{LOCAL}/v1"}
    answer = front.client.post("/api/provider-key/verify", json=asked, headers=me)
    assert answer.status_code == 200
    assert answer.json() == {"verdict": "no_funds", "http_status": 402, "error": None}
    assert front.system.vendors.asked == [("openai", f"{LOCAL}/v1")]
    assert front.system.fleet.head() == head


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"vendor": "nobody"}, "vendor", "unknown-vendor"),
        ({"vendor": "custom"}, "base_url", "missing"),
        ({"base_url": "https://10.0.0.1"}, "base_url", "url-not-allowed"),
        ({"secret": "a b"}, "secret", "not-visible-ascii"),
    ],
)
def test_nobody_is_asked_who_may_not_be(
    front: Front, fields: dict[str, str], field: str, code: str
) -> None:
    asked = {"vendor": "openai", "secret": CANARY} | fields
    answer = front.client.post(
        "/api/provider-key/verify", json=asked, headers=front.someone()
    )
    assert answer.json()["errors"] == [{"field": field, "code": code}]
    assert CANARY not in answer.text
    assert not front.system.vendors.asked


def test_vendors_are_asked_thirty_times_a_minute_and_no_more(front: Front) -> None:
    me, asked = front.someone(), {"vendor": "openai", "secret": CANARY}
    statuses = [
        front.client.post("/api/provider-key/verify", json=asked, headers=me).status_code
        for _ in range(31)
    ]
    assert statuses == [200] * 30 + [429]


def test_the_vendors_list_of_models_is_shown(front: Front) -> None:
    me = front.someone()
    url = f"/api/provider-key/{added(front, me)['id']}/models"
    front.system.vendors.names = ("gpt-5", "gpt-5-mini")
    answer = front.client.get(url, headers=me)
    assert answer.json() == {
        "items": [{"id": "gpt-5"}, {"id": "gpt-5-mini"}],
        "next_cursor": None,
    }
    front.system.vendors.found = Found(verdict=Verdict.DEAD, http_status=401)
    refused = front.client.get(url, headers=me)
    assert (refused.status_code, refused.json()["code"]) == (
        409,
        "upstream-refused-credential",
    )


def failed(key_id: str, verdict: Verdict) -> Attempt:
    return Attempt(
        provider_key_id=UUID(key_id),
        good_version=1,
        http_status=500,
        verdict=verdict,
        error="vendor:x",
        ms=5,
    )


def test_health_shows_circuits_verdicts_and_counts_of_the_teams_keys_only(
    either: Front,
) -> None:
    other = either.someone()
    added(either, other)
    signed_in = either.registered()
    me, made = either.bearer(signed_in), Calls(either, signed_in["team"]["id"])
    well, dead, broken, unused = (added(either, me)["id"] for _ in range(4))
    recorded(either, dead, ProviderKeyDied(http_status=401, error=None))
    for attempts in (
        [],
        [failed(dead, Verdict.DEAD)],
        *([failed(broken, Verdict.OVERLOADED)] for _ in range(5)),
    ):
        facts = made.facts(datetime.now(UTC), provider_key_id=UUID(well))
        end = replace(settled(facts, 1), attempt_log=tuple(attempts))
        made.record(admitted(facts), end)
    either.system.pump()
    shown = either.client.get("/api/provider-key/health", headers=me).json()["items"]
    opened = shown[2]["state"]
    assert opened in {"open", "half_open"}  # its first pause is less than a second
    assert [
        (one["id"], one["status"], one["state"], one["last_verdict"]) for one in shown
    ] == [
        (well, "active", "closed", "ok"),
        (dead, "dead", "open", "dead"),
        (broken, "active", opened, "overloaded"),
        (unused, "active", "closed", None),
    ]
    assert [(one["successes"], one["failures"]) for one in shown] == [
        (1, 0),
        (0, 1),
        (0, 5),
        (0, 0),
    ]
    rotated = {"secret": NEW_SECRET}
    either.client.post(f"/api/provider-key/{broken}/rotate", json=rotated, headers=me)
    either.system.pump()
    after = either.client.get("/api/provider-key/health", headers=me).json()["items"][2]
    assert (after["state"], after["consecutive_failures"]) == ("closed", 0)


def test_health_comes_in_pages(front: Front) -> None:
    me = front.someone()
    keys = [added(front, me)["id"] for _ in range(3)]
    front.system.pump()
    first = front.client.get("/api/provider-key/health?limit=2", headers=me).json()
    cursor = first["next_cursor"]
    rest = front.client.get(f"/api/provider-key/health?cursor={cursor}", headers=me).json()
    assert [one["id"] for one in (*first["items"], *rest["items"])] == keys
    absent = front.client.get(f"/api/provider-key/{uuid4()}/models", headers=me)
    assert absent.status_code == 404
