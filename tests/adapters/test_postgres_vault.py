"""The vault in PostgreSQL, the control plane's side, and what each role may do with it."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from adapters.memory_vault import MemoryInstanceKeys, MemoryPeople, MemoryVault
from adapters.vault import KeyPurpose
from application.ports import Person
from domain.errors import AlreadyExists, Unavailable
from tests.vaults import a_ref, a_secret, api_on, connected, open_once, others

pytestmark = pytest.mark.anyio

MIGRATIONS = Path(__file__).parents[2] / "migrations"
ADA = Person(email="ada@example.org", name="Ada Lovelace", password_hash="$argon2id$ada")
CANARY = "sk-canary-5f1dCANARY77e0"


async def test_a_secret_that_the_api_put_is_opened_by_the_proxy(database_url: str) -> None:
    ref = a_ref()
    with api_on(database_url) as api:
        api.vault.put(ref, a_secret("sk-one-of-these-tests"))
    assert await open_once(database_url, ref) == b"sk-one-of-these-tests"


async def test_a_unit_of_work_that_fails_leaves_no_secret(database_url: str) -> None:
    ref = a_ref()
    with api_on(database_url) as api:
        api.vault.put(ref, a_secret())
        api.connection.rollback()
    with pytest.raises(Unavailable):
        await open_once(database_url, ref)


async def test_a_removed_secret_is_gone_in_every_version(database_url: str) -> None:
    ref = a_ref()
    later = others(ref)[2]
    with api_on(database_url) as api:
        api.vault.put(ref, a_secret())
        api.vault.put(later, a_secret())
        api.vault.remove(uuid4(), ref.id)
    assert await open_once(database_url, ref)
    with api_on(database_url) as api:
        api.vault.remove(ref.team_id, ref.id)
    with connected(database_url) as owner:
        assert owner.execute("SELECT * FROM vault.secret").fetchall() == []


def test_a_version_is_put_once_and_an_id_belongs_to_one_team(database_url: str) -> None:
    ref = a_ref()
    elsewhere = replace(ref, team_id=uuid4(), version=2)
    with api_on(database_url) as api:
        for vault in (api.vault, MemoryVault()):
            vault.put(ref, a_secret())
            api.connection.commit()
            for taken in (ref, elsewhere):
                with pytest.raises(AlreadyExists):
                    vault.put(taken, a_secret())
                api.connection.rollback()


def test_what_stands_beside_a_secret_finds_duplicates_and_shows_four_characters(
    database_url: str,
) -> None:
    one, other = a_ref(), a_ref()
    same_team = a_ref(team_id=one.team_id)
    with api_on(database_url) as api:
        for ref in (one, other, same_team):
            api.vault.put(ref, a_secret("sk-the-same-1234"))
    with connected(database_url) as owner:
        rows = owner.execute("SELECT id, last4, fp FROM vault.secret").fetchall()
    marks = {row["id"]: (row["last4"], row["fp"]) for row in rows}
    assert marks[one.id][0] == "1234"
    assert marks[one.id] == marks[same_team.id]
    assert marks[one.id] != marks[other.id]


def test_people_are_kept_and_replaced(database_url: str) -> None:
    user, nobody = uuid4(), uuid4()
    grown = Person(email="ada@example.com", name="Ada King", password_hash="$argon2id$new")
    with api_on(database_url) as api:
        for people in (api.people, MemoryPeople()):
            people.put(user, ADA)
            assert people.get(user) == ADA
            people.put(user, grown)
            assert people.get(user) == grown
            assert people.get(nobody) is None


def test_a_person_in_another_row_does_not_open(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = uuid4(), uuid4()
    with api_on(database_url) as api:
        api.people.put(one, ADA)
        api.connection.execute("UPDATE vault.person SET user_id = %s", (other,))
        with pytest.raises(Unavailable, match="does not open"):
            api.people.get(other)
    assert [record.message for record in caplog.records] == ["vault.open_failed"]


def test_an_instance_key_is_made_once_and_is_the_same_for_all(database_url: str) -> None:
    def get(_: int) -> bytes:
        with api_on(database_url) as api:
            return api.keys.get("token")

    with ThreadPoolExecutor(4) as threads:
        keys = set(threads.map(get, range(8)))
    assert [len(key) for key in keys] == [32]


@pytest.mark.parametrize("kind", ["postgres", "memory"])
def test_each_purpose_has_a_key_of_its_own(database_url: str, kind: str) -> None:
    purposes: tuple[KeyPurpose, ...] = ("token", "email", "sign-in", "cursor", "key-check")
    with api_on(database_url) as api:
        keys = api.keys if kind == "postgres" else MemoryInstanceKeys()
        assert len({keys.get(purpose) for purpose in purposes}) == len(purposes)
        assert keys.get("token") == keys.get("token")


def test_an_instance_key_outlives_the_unit_of_work_it_was_made_in(
    database_url: str,
) -> None:
    with api_on(database_url) as api:
        api.vault.put(a_ref(), a_secret())
        made = api.keys.get("fingerprint")
        api.connection.rollback()
    with api_on(database_url) as api:
        assert api.keys.get("fingerprint") == made


def test_the_proxy_sees_provider_keys_and_no_other_secrets(database_url: str) -> None:
    provider_key = a_ref()
    channel = others(a_ref())[3]
    with api_on(database_url) as api:
        api.vault.put(provider_key, a_secret())
        api.vault.put(channel, a_secret())
    with connected(database_url, "clawbot_proxy") as connection:
        rows = connection.execute("SELECT id FROM vault.secret").fetchall()
    assert rows == [{"id": provider_key.id}]


def test_a_stored_secret_is_found_in_no_table(database_url: str) -> None:
    user = uuid4()
    person = Person(email=f"{CANARY}@example.org", name=CANARY, password_hash=CANARY)
    with api_on(database_url) as api:
        api.vault.put(a_ref(), a_secret(CANARY))
        api.people.put(user, person)
    raw = CANARY.encode()
    needles = [CANARY, raw.hex(), base64.b64encode(raw).decode()[:30], CANARY[::-1]]
    with connected(database_url) as owner:
        tables = owner.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN "
            "('pg_catalog', 'information_schema')"
        ).fetchall()
        assert {"schemaname": "vault", "tablename": "secret"} in tables
        for table in tables:
            text = everything_in(owner, table["schemaname"], table["tablename"])
            assert not [needle for needle in needles if needle in text], table


def everything_in(connection: psycopg.Connection[dict[str, object]], *table: str) -> str:
    statement = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(sql.Identifier(*table))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        return b"".join(bytes(piece) for piece in copy).decode()


def test_roles_are_made_once_by_whoever_comes_first(database_url: str) -> None:
    prefix = f"clawbot_t{uuid4().hex[:8]}_"
    text = (
        (MIGRATIONS / "0001_roles.sql").read_bytes().replace(b"clawbot_", prefix.encode())
    )
    make_roles = text[: text.index(b"REVOKE")]

    def make(_: int) -> None:
        with connected(database_url) as connection:
            connection.execute(make_roles)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(make, range(6)))
    made = [f"{prefix}{process}" for process in ("api", "projector", "proxy", "worker")]
    with connected(database_url) as owner:
        rows = owner.execute(
            "SELECT rolname, rolcanlogin FROM pg_roles WHERE starts_with(rolname, %s) "
            "ORDER BY rolname",
            (prefix,),
        ).fetchall()
        assert rows == [{"rolname": name, "rolcanlogin": False} for name in made]
        for name in made:
            owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_an_owner_that_is_no_superuser_can_become_each_role(database_url: str) -> None:
    prefix = f"clawbot_o{uuid4().hex[:8]}_"
    owner, made = prefix + "owner", [prefix + "api", prefix + "proxy", prefix + "worker"]
    files = [MIGRATIONS / name for name in ("0001_roles.sql", "0003_vault.sql")]
    name = sql.Identifier(owner)
    with connected(database_url) as admin:
        admin.execute("DROP SCHEMA vault CASCADE")
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(name))
        admin.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(name))
        database = sql.Identifier(admin.info.dbname)
        admin.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(database, name))
        admin.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(name))
        for file in files:
            admin.execute(file.read_bytes().replace(b"clawbot_", prefix.encode()))
        for role in made:
            admin.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
            assert admin.execute("SELECT id FROM vault.instance").fetchone()
        # Nothing of this is kept: roles belong to the whole cluster.
        admin.rollback()
