"""`clawbot analytics`, on a real instance: the team's auditors see what was done."""

from __future__ import annotations

from uuid import UUID

from domain.analytics_logins import login_stream
from domain.ids import TeamId
from tests.api.cli.running import Shell
from tests.api.cli.test_operator import KEY
from tests.api.front import front_of
from tests.api.system import on_postgres


def test_what_becomes_of_a_login_is_in_the_audit_log(
    shell: Shell, database_url: str
) -> None:
    settings = {"DATABASE_URL": database_url, "BOT_MASTER_KEY": f"k1:{KEY}"}
    with on_postgres(database_url) as system, front_of(system) as front:
        ada = front.registered()
        team = ada["team"]["id"]
        for change in ("create", "rotate", "drop"):
            ran = shell.run("analytics", change, team, "--json", **settings)
            assert ran.code == 0, ran.err
            assert ran.document["user"] == f"clawbot_bi_{team.replace('-', '')}"
        assert shell.run("analytics", "drop", team, **settings).code == 1
        stream = login_stream(TeamId(UUID(team)))
        answer = front.client.get(
            f"/api/audit/stream/analytics_login/{stream}", headers=front.bearer(ada)
        )
        assert [(one["type"], one["actor"]) for one in answer.json()["items"]] == [
            (f"analytics_login.{change}", "system:command-line")
            for change in ("created", "rotated", "dropped")
        ]
