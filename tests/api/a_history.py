"""A team to which random things happen, and what was answered about it at each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from random import Random
from typing import Any
from uuid import UUID, uuid4

from application.event_log import Caller, acting
from application.runs import RecordRun, record_run
from domain.calls import Call, CallAbandoned, CallFacts, CallRefused
from domain.containers import ContainerState
from domain.runs import Observation
from domain.usage import Usage
from tests.api.calls import DAY, Calls, admitted, settled
from tests.api.front import PASSWORD, Front

HOSTNAMES = ("ada-1", "bob-1", "eve-1")
MODELS = ("gpt-5", "gpt-5-mini", "o3")
NO_POLICY = {"mode": "direct", "target": None}
TAG = {"models": ["openai/gpt-5"], "match": {}}
LINK = {"vendor": "openai", "models": ["*"]}
LISTS = (
    "/api/bot",
    "/api/provider-key",
    "/api/quota",
    "/api/routing/model-prices?source=team",
    "/api/routing/fallback-chains?source=team",
    "/api/usage/summary",
    "/api/usage/trend?granularity=hour",
    "/api/usage/breakdown?group_by=model",
    "/api/usage/calls",
    f"/api/routing/statistics?from={DAY:%Y-%m-%dT%H:%M:%SZ}&to=2026-03-04T00:00:00Z",
)
OF_A_BOT = ("", "/providers", "/routing", "/persona", "/features", "/usage/summary")


class SkewedClock:
    """Plays `datetime`: clocks of several processes that differ by up to two seconds."""

    def __init__(self) -> None:
        self._dice = Random(7)

    def now(self, zone: tzinfo) -> datetime:
        return datetime.now(zone) + timedelta(seconds=self._dice.uniform(-2, 2))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a route answered live, and the position that it was read at."""

    path: str
    position: str
    status: int
    told: Any


class AHistory:
    """One team; `step` lets something happen, `look` notes what is answered about it."""

    def __init__(self, front: Front, dice: Random) -> None:
        self.front, self.dice = front, dice
        self._email = f"{uuid4().hex}@example.com"
        signed_in = front.registered(self._email)
        self._headers = front.bearer(signed_in)
        self._calls = Calls(front, signed_in["team"]["id"])
        self._team_id = UUID(signed_in["team"]["id"])
        self._made: dict[str, list[str]] = {"provider-key": [], "quota": []}
        self.seen: list[Seen] = []

    def get(self, path: str, *, at: str | None = None) -> Any:
        """The answer now, or as it was."""
        if at is not None:
            path += f"{'&' if '?' in path else '?'}at={at}"
        return self._asks("GET", path)

    def look(self, reads: int) -> None:
        """Some of the routes are asked, and what they answer is kept."""
        self.front.system.pump()
        heads = f"fleet={self.front.system.fleet.head()},calls={self._calls_head()}"
        for path in self.dice.sample(self._paths(), reads):
            answer = self.get(path)
            position = answer.headers.get("x-log-position", heads)
            told = told_by(answer)
            self.seen.append(
                Seen(path=path, position=position, status=answer.status_code, told=told)
            )

    def step(self) -> None:
        """One thing happens, perhaps one that is refused."""
        happen: Callable[[], None] = self.dice.choice(
            [
                self._bot_comes,
                self._bot_changes,
                self._bot_changes,
                self._bot_goes,
                self._bot_is_seen,
                self._key,
                self._quota,
                self._price,
                self._chain,
                self._call,
                self._call,
            ]
        )
        happen()

    def _does(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._asks(method, path, body)
        assert answer.status_code in {200, 201, 204, 404, 409}, (path, answer.text)
        return answer

    def _asks(self, method: str, path: str, body: Any = None) -> Any:
        """The answer; who was signed in for a quarter of an hour signs in again."""
        ask = self.front.client.request
        answer = ask(method, path, headers=self._headers, json=body)
        if answer.status_code == 401:
            who = {"email": self._email, "password": PASSWORD}
            signed_in = self.front.client.post("/api/auth/login", json=who).json()
            self._headers = self.front.bearer(signed_in)
            answer = ask(method, path, headers=self._headers, json=body)
        return answer

    def _hostname(self) -> str:
        return self.dice.choice(HOSTNAMES)

    def _word(self) -> str:
        return f"w{self.dice.randrange(1000)}"

    def _bot_comes(self) -> None:
        new = {"hostname": self._hostname(), "name": self._word(), "tags": [self._word()]}
        self._does("POST", "/api/bot", new)

    def _bot_changes(self) -> None:
        path = f"/api/bot/{self._hostname()}"
        targets = [{"vendor": "openai", "model": one} for one in MODELS]
        weighed = [one | {"weight": 1} for one in self.dice.sample(targets, 2)]
        policy = {"mode": "load_balance", "strategy": "weighted", "targets": weighed}
        match self.dice.randrange(4):
            case 0:
                self._does("PATCH", path, {"name": self._word()})
            case 1:
                self._does("POST", f"{path}/providers", LINK)
            case 2:
                self._does("PUT", f"{path}/routing", self.dice.choice([NO_POLICY, policy]))
            case _:
                self._does("PUT", f"{path}/persona", {"name": self._word()})

    def _bot_goes(self) -> None:
        self._does("DELETE", f"/api/bot/{self._hostname()}")

    def _bot_is_seen(self) -> None:
        found = self.get(f"/api/bot/{self._hostname()}")
        if found.status_code == 200:
            state = self.dice.choice([ContainerState.RUNNING, ContainerState.EXITED])
            seen = Observation(state=state, generation=1, tried=1)
            command = RecordRun(bot_id=UUID(found.json()["id"]), observation=seen)
            with acting(Caller("system:worker", self._team_id)):
                record_run(command, event_log=self.front.system.fleet)

    def _key(self) -> None:
        new = {"vendor": "openai", "label": self._word(), "secret": f"sk-{uuid4().hex}"}
        self._lives("provider-key", new, {"label": self._word()})

    def _quota(self) -> None:
        kind = self.dice.choice(["tokens", "requests", "cost_micro_usd"])
        limit = self.dice.randrange(1, 10_000)
        scope = {"scope": {"kind": "team"}, "window": "total"}
        self._lives("quota", scope | {"metric": kind, "limit": limit}, {"limit": limit})

    def _lives(self, kind: str, new: dict[str, Any], change: dict[str, Any]) -> None:
        """A key or a quota comes, is changed, or goes."""
        made, choice = self._made[kind], self.dice.randrange(4)
        if choice < 2 or not made:
            answer = self._does("POST", f"/api/{kind}", new)
            if answer.status_code == 201:
                made.append(answer.json()["id"])
        elif choice == 2:
            self._does("PATCH", f"/api/{kind}/{self.dice.choice(made)}", change)
        else:
            self._does("DELETE", f"/api/{kind}/{self.dice.choice(made)}")

    def _price(self) -> None:
        name, rate = self.dice.choice(MODELS), self.dice.randrange(1000)
        rates = {"input_micro_usd": rate, "output_micro_usd": rate}
        listed = self.get("/api/routing/model-prices?source=team").json()["items"]
        mine = [one["id"] for one in listed if one["model"] == name]
        if not mine:
            new = rates | {"vendor": "openai", "model": name}
            self._does("POST", "/api/routing/model-prices", new)
        elif self.dice.randrange(2):
            self._does("PUT", f"/api/routing/model-prices/{mine[0]}", rates)
        else:
            self._does("DELETE", f"/api/routing/model-prices/{mine[0]}")

    def _chain(self) -> None:
        path, name = (
            "/api/routing/fallback-chains",
            self.dice.choice(["a-chain", "b-chain"]),
        )
        new = {
            "name": self._word(),
            "steps": [{"vendor": "openai", "model": self.dice.choice(MODELS)}],
        }
        match self.dice.randrange(3):
            case 0:
                self._does("POST", path, new | {"id": name})
            case 1:
                self._does("PUT", f"{path}/{name}", new)
            case _:
                self._does("DELETE", f"{path}/{name}")

    def _call(self) -> None:
        facts: CallFacts = self._calls.facts(
            DAY + timedelta(minutes=self.dice.randrange(900)),
            hostname=self._hostname(),
            model=self.dice.choice(MODELS),
        )
        log, call_id = self.front.system.calls, uuid4()
        ends = [
            (admitted(facts), settled(facts, self.dice.randrange(100))),
            (admitted(facts), CallAbandoned(facts=facts, usage=Usage())),
            (CallRefused(facts=facts, code="no-usable-key"),),
            (admitted(facts),),
        ]
        with acting(Caller("bot:test", self._team_id, "a-call")):
            for event in self.dice.choice(ends):
                log.append(log.look(Call(), call_id), [event])

    def _calls_head(self) -> int:
        return self.front.system.calls.head()

    def _paths(self) -> list[str]:
        keys, quotas = self._made["provider-key"], self._made["quota"]
        return [
            *LISTS,
            *(f"/api/bot/{name}{part}" for name in HOSTNAMES for part in OF_A_BOT),
            *(f"/api/provider-key/{one}" for one in keys[-3:]),
            *(f"/api/quota/{one}" for one in quotas[-3:]),
            *(f"/api/quota/{one}/balance" for one in quotas[-1:]),
        ]


def told_by(answer: Any) -> Any:
    """What is said, but for what no two answers share."""
    body = answer.json()
    if answer.status_code != 200:
        return body["code"]
    if isinstance(body, dict):
        body.pop("next_cursor", None)
    return body
