"""Changing the master key while everything goes on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from adapters.keyring import Keyring
from adapters.master_key import check
from adapters.postgres.rewrap import BATCH, rewrap
from application.ports import Person, SecretRef
from domain.errors import BadSetup
from tests.vaults import NEW, OLD, a_ref, a_secret, api_on, connected, open_once

pytestmark = pytest.mark.anyio

BOTH = Keyring(NEW | OLD)
ONLY_NEW = Keyring(NEW)
ADA = Person(email="ada@example.org", name="Ada", password_hash="$argon2id$ada")


def filled(url: str, secrets: int) -> list[SecretRef]:
    refs = [a_ref() for _ in range(secrets)]
    with api_on(url) as api:
        for ref in refs:
            api.vault.put(ref, a_secret())
    return refs


async def test_after_a_rewrap_all_opens_and_the_old_key_can_be_taken_out(
    database_url: str,
) -> None:
    refs, user = filled(database_url, 2 * BATCH + 1), uuid4()
    with api_on(database_url) as api:
        api.people.put(user, ADA)
        token_key = api.keys.get("token")
    with connected(database_url) as owner:
        # The fingerprint key was made by the first put.
        assert rewrap(owner, BOTH) == len(refs) + 1 + 2
        assert rewrap(owner, BOTH) == 0
        check(owner, ONLY_NEW)
    with api_on(database_url, ONLY_NEW) as api:
        assert api.people.get(user) == ADA
        assert api.keys.get("token") == token_key
    for ref in (refs[0], refs[BATCH], refs[-1]):
        opened = await open_once(database_url, ref, keyring=ONLY_NEW)
        assert opened == a_secret().reveal()
    with connected(database_url) as owner, pytest.raises(BadSetup):
        check(owner, Keyring(OLD))


def test_two_at_once_share_the_work(database_url: str) -> None:
    filled(database_url, 3 * BATCH)

    def run(_: int) -> int:
        with connected(database_url) as owner:
            return rewrap(owner, BOTH)

    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(run, range(2)))
    with connected(database_url) as owner:
        assert sum(done) + rewrap(owner, BOTH) == 3 * BATCH + 1
        check(owner, ONLY_NEW)


def test_a_row_that_somebody_holds_is_passed_over_and_done_the_next_time(
    database_url: str,
) -> None:
    refs = filled(database_url, 3)
    with connected(database_url) as holder, connected(database_url) as owner:
        holder.execute("SELECT FROM vault.secret WHERE id = %s FOR UPDATE", (refs[0].id,))
        assert rewrap(owner, BOTH) == 3
        holder.rollback()
        assert rewrap(owner, BOTH) == 1


def test_a_record_that_does_not_open_is_said_and_left_and_keeps_its_key_in_use(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    refs = filled(database_url, 3)
    with connected(database_url) as owner:
        owner.execute(
            "UPDATE vault.secret SET origin = 'https://evil.example:443' WHERE id = %s",
            (refs[1].id,),
        )
        owner.commit()
        assert rewrap(owner, BOTH) == 3
        (record,) = caplog.records
        assert (record.message, vars(record)["id"]) == (
            "vault.open_failed",
            str(refs[1].id),
        )
        with pytest.raises(BadSetup, match="still needs the master key k1"):
            check(owner, ONLY_NEW)


def test_a_keyring_that_lacks_the_old_key_changes_nothing(database_url: str) -> None:
    filled(database_url, 1)
    with connected(database_url) as owner, pytest.raises(BadSetup):
        rewrap(owner, ONLY_NEW)
