"""Commands about one bot that come at the same moment: each is taken whole, or refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from domain.bot_events import BotDeleted, Runtime
from domain.bots import Bot
from tests.api.front import Front, a_bot

ASKS = ("start", "stop", "restart", "quarantine", "delete", "start")
TAKEN = {200, 202, 204}
REFUSED = {404, 409, 503}  # 503: a slow machine's database is too busy


def test_of_commands_at_once_each_is_taken_whole_or_refused(real: Front) -> None:
    real.system.runtimes.engines = {Runtime.DOCKER}
    me = real.someone()
    made = a_bot(real, me, providers=[{"vendor": "openai"}])
    bot_id = UUID(made["bot"]["id"])

    def ask(what: str) -> int:
        if what == "delete":
            return real.client.delete("/api/bot/ada-1", headers=me).status_code
        body = {"reason": "odd"} if what == "quarantine" else None
        url = f"/api/bot/ada-1/{what}"
        return real.client.post(url, json=body, headers=me).status_code

    with ThreadPoolExecutor(len(ASKS)) as threads:
        answers = dict(zip(ASKS, threads.map(ask, ASKS), strict=True))
    assert set(answers.values()) <= TAKEN | REFUSED
    if answers["delete"] == 503:
        answers["delete"] = ask("delete")
    history = [one.event for one in real.system.fleet.history(bot_id)]
    assert answers["delete"] == 204
    assert isinstance(history[-1], BotDeleted)  # nothing is decided of what is gone
    assert sum(isinstance(one, BotDeleted) for one in history) == 1
    assert real.system.fleet.read(Bot(), bot_id).version == len(history)
    assert {ask(what) for what in ASKS} == {404}
    assert a_bot(real, me)["bot"]["hostname"] == "ada-1"


def test_two_who_edit_what_they_read_do_not_both_win(real: Front) -> None:
    me = real.someone()
    a_bot(real, me)
    tag = real.client.get("/api/bot/ada-1", headers=me).headers["etag"]

    def rename(name: str) -> int:
        return real.client.patch(
            "/api/bot/ada-1", json={"name": name}, headers=me | {"If-Match": tag}
        ).status_code

    with ThreadPoolExecutor(3) as threads:
        answers = sorted(threads.map(rename, ("Eve", "Grace", "Joan")))
    assert answers.count(200) == 1
    assert set(answers) <= {200, 412, 503}
