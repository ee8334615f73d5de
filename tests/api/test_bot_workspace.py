"""A bot's workspace over HTTP."""

from __future__ import annotations

from uuid import UUID

from application.workspace_store import ShownFile, ShownWorkspace
from domain.bot_events import Runtime
from domain.workspace.notes import note
from domain.workspace.rendered import Area
from tests.api.front import Front, a_bot


def test_a_bots_files_are_shown_in_the_callers_language(front: Front) -> None:
    front.system.runtimes.engines = {Runtime.DOCKER}
    me = front.someone()
    bot_id = UUID(a_bot(front, me, runtime="docker")["bot"]["id"])
    said = note("channel-twice", "telegram")
    front.system.fleet_watch.workspaces[bot_id] = ShownWorkspace(
        files=(ShownFile(area=Area.SECRETS, path="bot.json", text="***"),),
        revision="abc",
        in_step=False,
        notes=(said,),
    )
    path = "/api/bot/ada-1/workspace"
    got = front.client.get(path, headers=me | {"accept-language": "zh-CN"}).json()
    assert got == {
        "revision": "abc",
        "in_step": False,
        "failure": None,
        "detail": "",
        "files": [{"area": "secrets", "path": "bot.json", "text": "***"}],
        "notes": [{"code": said.code, "subject": "telegram", "message": said.zh}],
    }
    theirs = front.client.get(path, headers=front.someone())
    assert theirs.status_code == 404


def test_an_external_bot_has_no_workspace(front: Front) -> None:
    me = front.someone()
    a_bot(front, me, runtime="external")
    refused = front.client.get("/api/bot/ada-1/workspace", headers=me)
    assert (refused.status_code, refused.json()["code"]) == (409, "bot-has-no-container")


def test_without_a_worker_nobody_can_tell(front: Front) -> None:
    front.system.runtimes.engines = {Runtime.DOCKER}
    me = front.someone()
    a_bot(front, me, runtime="docker")
    front.system.fleet_watch.engine = None
    refused = front.client.get("/api/bot/ada-1/workspace", headers=me)
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
