"""`clawbot operator`, on a real instance."""

from __future__ import annotations

import base64

from adapters import crypto
from tests.api.cli.running import Shell
from tests.api.front import Front, front_of
from tests.api.system import on_postgres

ADA = "ada@example.com"
KEY = base64.b64encode(crypto.sha256(b"the master key of the api's tests")).decode()


def operator(front: Front, headers: dict[str, str]) -> bool:
    front.client.app.state.doorkeeper.forget(  # type: ignore[attr-defined]
        *[
            one.recorded.originator_id
            for one in front.system.fleet.page(after=0, limit=99).events
        ]
    )
    shown: bool = front.client.get("/api/auth/me", headers=headers).json()["operator"]
    return shown


def test_an_operator_is_appointed_and_dismissed(shell: Shell, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "BOT_MASTER_KEY": f"k1:{KEY}"}
    with on_postgres(database_url) as system, front_of(system) as front:
        ada = front.registered(ADA)
        headers = front.bearer(ada)
        assert not operator(front, headers)
        ran = shell.run("operator", "appoint", "Ada@Example.com", "--json", **settings)
        assert (ran.code, ran.document["user_id"]) == (0, ada["user"]["id"]), ran.err
        assert operator(front, headers)
        again = shell.run("operator", "appoint", ADA, **settings)
        assert again.code == 0
        assert "looks after this instance" in again.out
        assert shell.run("operator", "dismiss", ADA, **settings).code == 0
        assert not operator(front, headers)
        assert shell.run("operator", "appoint", "eve@example.com", **settings).code == 1
        marks = [
            (one.recorded.event.TOPIC, one.recorded.actor)
            for one in front.system.fleet.page(after=0, limit=99).events
            if "operator" in one.recorded.event.TOPIC
        ]
        assert marks == [
            ("user.made_operator", "system:command-line"),
            ("user.no_longer_operator", "system:command-line"),
        ]


def test_whoever_is_not_there_is_told_of_in_a_sentence(
    shell: Shell, database_url: str
) -> None:
    settings = {"DATABASE_URL": database_url, "BOT_MASTER_KEY": f"k1:{KEY}"}
    nobody = "01a20807-0000-7000-8000-000000000000"
    with on_postgres(database_url):
        said = [
            shell.run(*command, **settings)
            for command in (
                ("operator", "appoint", "xx"),
                ("operator", "appoint", "eve@example.com"),
                ("operator", "erase", nobody, "--yes"),
                ("analytics", "create", nobody),
            )
        ]
    assert [(ran.code, ran.err) for ran in said] == [
        (1, "clawbot: email is not an e-mail address\n"),
        (1, "clawbot: nobody has that address: they register first\n"),
        (1, f"clawbot: Nothing is recorded under that id: {nobody}.\n"),
        (1, "clawbot: there is no such team\n"),
    ]
