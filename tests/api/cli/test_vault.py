"""`clawbot vault`, on a real vault."""

from __future__ import annotations

import base64

import psycopg
import pytest

from adapters.event_store import EventMapper
from adapters.keyring import Keyring
from adapters.postgres.database import Database
from adapters.postgres.recorder import PostgresRecorder
from adapters.postgres.wraps import Wraps
from application.event_log import EventLog
from domain.kek import KekRotationFinished, KekRotationStarted
from domain.log import FLEET
from tests.api.cli.running import Shell
from tests.vaults import NEW, OLD, a_ref, a_secret, api_on


def written(keys: dict[str, bytes]) -> str:
    """The keyring as the settings have it."""
    return ",".join(f"{k}:{base64.b64encode(v).decode()}" for k, v in keys.items())


def recorded(url: str) -> list[object]:
    database = Database(url, role="clawbot_api", size=1)
    database.open()
    try:
        log = EventLog(FLEET, PostgresRecorder(database, FLEET), EventMapper())
        return [one.recorded.event for one in log.page(after=0, limit=100).events]
    finally:
        database.close()


def test_everything_is_wrapped_anew_once_and_stands_in_the_log(
    shell: Shell, database_url: str
) -> None:
    with api_on(database_url) as api:
        for _ in range(3):
            api.vault.put(a_ref(), a_secret())
    new = next(iter(NEW))
    settings = {"DATABASE_URL": database_url, "BOT_MASTER_KEY": written(NEW | OLD)}
    ran = shell.run("vault", "rewrap", "--json", **settings)
    # Three secrets, and the key that fingerprints are made with.
    assert (ran.code, ran.document) == (0, {"kek_id": new, "rewrapped": 4, "left": 0})
    assert recorded(database_url) == [
        KekRotationStarted(kek_id=new, records=4),
        KekRotationFinished(rewrapped=4, left=0),
    ]
    again = shell.run("vault", "rewrap")
    assert again.code == 0
    assert again.out == (
        f"0 records were wrapped anew under {new}.\nThe other keys can be taken out.\n"
    )


def test_what_does_not_open_is_left_and_said(shell: Shell, database_url: str) -> None:
    with api_on(database_url) as api:
        api.vault.put(a_ref(), a_secret())
    with psycopg.connect(database_url) as owner:
        owner.execute("UPDATE vault.secret SET vendor = 'another'")
    settings = {"DATABASE_URL": database_url, "BOT_MASTER_KEY": written(NEW | OLD)}
    ran = shell.run("vault", "rewrap", **settings)
    assert ran.code == 1
    assert "1 still lie under other keys. Run this once more" in ran.out
    assert recorded(database_url)[-1] == KekRotationFinished(rewrapped=1, left=1)


def test_another_installations_key_is_refused(shell: Shell, database_url: str) -> None:
    with api_on(database_url) as api:
        api.vault.put(a_ref(), a_secret())
    settings = {"DATABASE_URL": database_url, "BOT_MASTER_KEY": written(NEW)}
    ran = shell.run("vault", "rewrap", **settings)
    assert ran.code == 2
    assert not recorded(database_url)


def test_the_data_keys_under_each_master_key_are_counted(
    shell: Shell, database_url: str
) -> None:
    old, new = next(iter(OLD)), next(iter(NEW))
    for keyring, secrets in ((Keyring(OLD), 2), (Keyring(NEW | OLD), 3)):
        with api_on(database_url, keyring) as api:
            for _ in range(secrets):
                api.vault.put(a_ref(), a_secret())
    ran = shell.run("vault", "status", DATABASE_URL=database_url)
    # Two secrets, and the key that fingerprints are made with.
    assert (ran.code, ran.out) == (0, f"{old}: 3 data keys\n{new}: 3 data keys\n")
    said = shell.run("vault", "status", "--json", DATABASE_URL=database_url).document
    assert said["most"] == 2**32
    assert said["items"][0] == {"kek_id": old, "data_keys": 3, "too_many": False}


def test_a_master_key_with_very_many_data_keys_is_warned_of(
    shell: Shell, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Wraps(kek_id="k", data_keys=2**28).too_many
    assert not Wraps(kek_id="k", data_keys=2**28 - 1).too_many
    with api_on(database_url) as api:
        api.vault.put(a_ref(), a_secret())
    monkeypatch.setattr("adapters.postgres.wraps.WORTH_A_WARNING", 2)
    ran = shell.run("vault", "status", DATABASE_URL=database_url)
    assert ran.code == 1
    assert "Put a new key in front of k1" in ran.out
