"""What the job does, on a real log: once, whoever rings how often."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from uuid import UUID, uuid4

import pytest

from adapters.catalog.loader import load_catalog
from adapters.jobs.actors import KeyChecks
from adapters.key_check import KeyCheckClient
from application.keys import RecordKeyCheck, RemoveProviderKey
from domain.catalog import Catalog
from domain.errors import Unavailable
from domain.ids import ProviderKeyId
from domain.verdicts import Verdict
from tests.adapters.jobs.given import (
    ALICE,
    FINE,
    OF_PROXY,
    TEAM,
    Fleet,
    ScriptedProxy,
    control_plane,
    eventually,
    scripted_proxy,
    settings_of,
)

AWAY = (503, OF_PROXY, b"")
ORIGIN = "https://api.openai.com:443"


@pytest.fixture
def fleet(database_url: str, tmp_path: Path) -> Iterator[Fleet]:
    with control_plane(settings_of(database_url, tmp_path), database_url) as fleet:
        yield fleet


def carry_out(
    fleet: Fleet, key_id: UUID, proxy: ScriptedProxy, catalog: Catalog | None = None
) -> None:
    client = KeyCheckClient(proxy.url, fleet.pass_key)
    checks = KeyChecks(
        event_log=fleet.event_log,
        bus=fleet.bus,
        catalog=catalog or load_catalog(),
        proxy=client,
    )
    try:
        checks.carry_out(key_id)
    finally:
        client.close()


def new_key(fleet: Fleet) -> ProviderKeyId:
    return fleet.add_key(vendor="openai", secret="sk-0123456789", origin=ORIGIN)


def test_a_job_that_runs_twice_asks_and_records_once(fleet: Fleet) -> None:
    key = new_key(fleet)
    fleet.ask_for_check(key)
    with scripted_proxy(FINE) as proxy:
        carry_out(fleet, key, proxy)
        carry_out(fleet, key, proxy)
    assert len(proxy.calls) == len(fleet.checks(key)) == 1


def test_two_that_run_at_once_record_one_verdict(fleet: Fleet) -> None:
    key = new_key(fleet)
    check_id = fleet.ask_for_check(key)
    recorded = RecordKeyCheck(
        key_id=key, check_id=check_id, verdict=Verdict.DEAD, http_status=401, error=None
    )
    with scripted_proxy(FINE, held=True) as proxy:
        slow = Thread(target=carry_out, args=(fleet, key, proxy))
        slow.start()
        eventually(lambda: proxy.calls)
        fleet.bus.handle(recorded, by=ALICE)
        proxy.holds.set()
        slow.join()
    assert [checked.verdict for checked in fleet.checks(key)] == [Verdict.DEAD]


def test_nothing_is_asked_where_no_check_is_awaited(fleet: Fleet) -> None:
    never, removed = new_key(fleet), new_key(fleet)
    fleet.ask_for_check(removed)
    gone = RemoveProviderKey(key_id=removed, team_id=TEAM, expected_version=None)
    fleet.bus.handle(gone, by=ALICE)
    with scripted_proxy(FINE) as proxy:
        for key_id in (never, removed, uuid4()):
            carry_out(fleet, key_id, proxy)
    assert proxy.calls == []


def test_while_the_proxy_cannot_ask_nothing_is_recorded(fleet: Fleet) -> None:
    key = new_key(fleet)
    fleet.ask_for_check(key)
    with scripted_proxy(AWAY, FINE) as proxy:
        with pytest.raises(Unavailable):
            carry_out(fleet, key, proxy)
        assert fleet.checks(key) == []
        carry_out(fleet, key, proxy)
    assert len(fleet.checks(key)) == 1


def test_a_vendor_that_the_catalog_lost_is_on_record_as_such(fleet: Fleet) -> None:
    key = new_key(fleet)
    fleet.ask_for_check(key)
    with scripted_proxy(FINE) as proxy:
        carry_out(fleet, key, proxy, Catalog([]))
    (checked,) = fleet.checks(key)
    assert (checked.verdict, checked.error) == (Verdict.CLIENT_ERROR, "unknown-vendor")
