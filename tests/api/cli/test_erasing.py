"""A person is erased: nothing tells who they were, and the sealed log stays intact."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters import crypto
from tests.adapters.sealing.given import ask, export, kept_note, seal_all, sign
from tests.api.cli.running import Ran, Shell
from tests.api.front import PASSWORD, Front, front_of
from tests.api.system import on_postgres
from tests.journeys.canary import dumped, dumped_vault, hits
from verifier.verify_log import INTACT, judge, lines_of

KEY = base64.b64encode(crypto.sha256(b"the master key of the api's tests")).decode()
NAME, EMAIL = "Canaria Zwitscher-Ulmenau", "canaria.zwitscher@example.com"
CANARIES = (NAME.encode(), EMAIL.encode(), b"canaria.zwitscher")


@dataclass(frozen=True, kw_only=True)
class Instance:
    """An instance with a person in it who is to be forgotten."""

    shell: Shell
    url: str
    front: Front
    heir: dict[str, str]  # the headers of whoever else is in the team
    me: dict[str, Any]

    @property
    def user_id(self) -> str:
        return str(self.me["user"]["id"])

    @property
    def team_id(self) -> str:
        return str(self.me["team"]["id"])

    def clawbot(self, *arguments: str) -> Ran:
        given = {"DATABASE_URL": self.url, "BOT_MASTER_KEY": f"k1:{KEY}"}
        return self.shell.run(*arguments, **given)

    def members(self) -> list[dict[str, Any]]:
        answer = self.front.client.get(
            f"/api/team/{self.team_id}/member", headers=self.heir
        )
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


@pytest.fixture
def instance(shell: Shell, database_url: str) -> Iterator[Instance]:
    """The person was busy: all that may keep something of them has been used."""
    with on_postgres(database_url) as system, front_of(system) as front:
        new = {"email": EMAIL, "password": PASSWORD, "name": NAME}
        registered = front.client.post(
            "/api/auth/register", json=new, headers={"Idempotency-Key": "first"}
        )
        me, bob = registered.json(), front.registered()
        mine = front.bearer(me) | {"Idempotency-Key": "second"}
        team = f"/api/team/{me['team']['id']}"
        for path, body in (
            (f"{team}/member", {"user_id": bob["user"]["id"], "role": "admin"}),
            (f"{team}/invitation", {"role": "viewer", "email": f"x{EMAIL}"}),
            ("/api/api-token", {"name": "CI", "role": "viewer"}),
        ):
            assert front.client.post(path, json=body, headers=mine).status_code == 201
        front.client.patch("/api/auth/me", json={"name": f"{NAME}!"}, headers=mine)
        front.client.post("/api/auth/password/reset", json={"email": EMAIL})
        yield Instance(
            shell=shell, url=database_url, front=front, heir=front.bearer(bob), me=me
        )


def on_disk(url: str, table: str) -> bytes:
    """The table's file as it is, deleted rows and all."""
    ask(url, "CHECKPOINT")
    ((found,),) = ask(
        url,
        "SELECT pg_read_binary_file(pg_relation_filepath(%s::regclass))",
        table,
    )
    return bytes(found)


def test_nothing_tells_who_an_erased_person_was(instance: Instance, tmp_path: Path) -> None:
    url, signer = instance.url, tmp_path / "signer"
    seal_all(url)
    sign(url, signer)
    before = export(url, tmp_path / "before")
    sealed = [bytes(one) for (one,) in ask(url, "SELECT ct FROM vault.person")]
    assert all(one in on_disk(url, "vault.person") for one in sealed)

    erased = instance.clawbot("operator", "erase", EMAIL, "--yes", "--json")
    assert (erased.code, erased.document["user_id"]) == (0, instance.user_id), erased.err

    instance.front.system.pump()
    seal_all(url)
    sign(url, signer)
    after = export(url, tmp_path / "after")
    replayed = instance.clawbot("replay", "user", instance.user_id, "--json")
    assert '"erased":true' in replayed.out
    places = {
        "tables": dumped(url),
        "vault": dumped_vault(url),
        "replay": replayed.out.encode(),
        "team's export": instance.front.client.get(
            "/api/audit/export", headers=instance.heir | {"X-Team-Id": instance.team_id}
        ).content,
        "members": repr(instance.members()).encode(),
    }
    places |= {f"export: {one}": one.read_bytes() for one in after.iterdir()}
    places |= {f"export before: {one}": one.read_bytes() for one in before.iterdir()}
    for canary in CANARIES:
        assert hits(canary, places) == []
    assert sum(one in on_disk(url, "vault.person") for one in sealed) == len(sealed) - 1
    kept = [kept_note(signer)]
    for bundle, notes in ((after, kept), (before, [])):
        verdict, code = judge(lines_of(bundle), "", notes)
        assert code == INTACT, verdict


def test_who_is_erased_is_out_and_their_team_goes_on(instance: Instance) -> None:
    by_id = instance.clawbot("operator", "erase", instance.user_id, "--yes")
    assert by_id.code == 0, by_id.err
    left = {one["user_id"]: one["role"] for one in instance.members()}
    assert list(left.values()) == ["owner"]
    login = {"email": EMAIL, "password": PASSWORD}
    assert instance.front.client.post("/api/auth/login", json=login).status_code == 401
    again = instance.clawbot("operator", "erase", instance.user_id, "--yes", "--json")
    assert again.code == 0, "asked again it changes nothing"
    assert instance.clawbot("operator", "erase", EMAIL, "--yes").code == 1
    assert instance.clawbot("operator", "erase", "no address", "--yes").code != 0
    new = instance.front.registered(EMAIL)
    assert new["user"]["id"] != instance.user_id, "the address is free again"


def test_one_can_ask_to_be_forgotten_oneself(either: Front) -> None:
    ada = either.registered(EMAIL)
    headers = either.bearer(ada)
    wrong = {"password": "not the password"}
    refused = either.client.post("/api/auth/erase", json=wrong, headers=headers)
    assert refused.status_code == 422
    either.client.post("/api/auth/password/reset", json={"email": EMAIL})
    assert [mail.to for mail in either.system.mailer.sent] == [EMAIL]
    right = {"password": PASSWORD}
    erased = either.client.post("/api/auth/erase", json=right, headers=headers)
    assert erased.status_code == 204, erased.text
    assert either.client.get("/api/auth/me", headers=headers).status_code == 401
    token = {"refresh_token": ada["refresh_token"]}
    assert either.client.post("/api/auth/refresh", json=token).status_code == 401
    assert either.system.mailer.sent == []
    assert either.system.people.get(ada["user"]["id"]) is None
    assert either.registered(EMAIL)["user"]["id"] != ada["user"]["id"]
