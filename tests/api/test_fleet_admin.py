"""What is left over on the engine: for the instance operator only."""

from __future__ import annotations

from uuid import UUID, uuid4

from application.accounts import MarkOperator
from application.engines import Orphan
from application.event_log import Caller
from domain.ids import UserId
from tests.api.front import Front

NETWORK = Orphan(
    kind="network", id="n1", name="cbm-1", bot_id=uuid4(), created_at=None, size_bytes=None
)
FOLDER = Orphan(
    kind="workspace", id="w1", name="w1", bot_id=None, created_at=None, size_bytes=4096
)


def an_operator(front: Front) -> dict[str, str]:
    me = front.registered()
    user_id = UserId(UUID(me["user"]["id"]))
    marked = MarkOperator(user_id=user_id, operator=True)
    front.system.bus.handle(marked, by=Caller(actor="system:test"))
    return front.bearer(me)


def test_left_overs_are_shown_and_only_removed_when_that_is_said(front: Front) -> None:
    me = an_operator(front)
    front.system.fleet_watch.left_over = [NETWORK, FOLDER]
    shown = front.client.get("/api/bot/admin/orphans", headers=me).json()["items"]
    assert [(one["kind"], one["size_bytes"]) for one in shown] == [
        ("network", None),
        ("workspace", 4096),
    ]
    tried = front.client.post("/api/bot/admin/cleanup", headers=me).json()
    assert (tried["dry_run"], len(tried["items"])) == (True, 2)
    assert front.system.fleet_watch.left_over == [NETWORK, FOLDER]
    done = front.client.post(
        "/api/bot/admin/cleanup", json={"dry_run": False}, headers=me
    ).json()
    assert (done["dry_run"], len(done["items"])) == (False, 2)
    assert front.client.get("/api/bot/admin/orphans", headers=me).json()["items"] == []


def test_who_does_not_run_the_machine_may_not_look(front: Front) -> None:
    me = front.someone()  # an owner of a team, and no operator
    assert front.client.get("/api/bot/admin/orphans", headers=me).status_code == 403
    refused = front.client.post("/api/bot/admin/cleanup", headers=me)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_without_an_engine_it_is_503(front: Front) -> None:
    me = an_operator(front)
    front.system.fleet_watch.engine = None
    assert front.client.get("/api/bot/admin/orphans", headers=me).status_code == 503
