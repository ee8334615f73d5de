"""Bots whose `auto` calls are routed, and what is on record of these calls.

Every bot has keys of its own, so that what one test's vendors do to them is its own. A
target's model is new for each test and says in its name how the vendor is to behave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from pydantic import TypeAdapter

from adapters.catalog.routing_catalog import load_routing_catalog
from application.routing import SetBotRouting
from domain.calls import CallAdmitted, CallRefused, CallSettled
from domain.ids import ProviderKeyId
from domain.routing_decision import Decision, RoutingRecord
from domain.routing_policy import (
    Complexity,
    Failover,
    Retry,
    RouteTarget,
    RoutingPolicy,
    Trigger,
)
from domain.routing_steps import spread, steps_of
from tests.journeys.plane import DataPlane, TestBot, link_to, new_model

HELLO = "hello"
RECORD = TypeAdapter(RoutingRecord)


def target(vendor: str = "openai", directives: str = "", **more: Any) -> RouteTarget:
    """A model of the test's own at that vendor, which behaves as the directives say."""
    return RouteTarget(vendor=vendor, model=new_model(directives), **more)


@dataclass(kw_only=True)
class Routed:
    """A bot with a policy, and its keys by vendor."""

    plane: DataPlane
    bot: TestBot
    keys: dict[str, ProviderKeyId] = field(default_factory=dict)

    def ask(
        self,
        model: str | None = "auto",
        *,
        tail: str = "chat/completions",
        stream: bool = False,
        **body: Any,
    ) -> httpx.Response:
        """The answer to an `auto` call; the body says hello unless it says otherwise."""
        said: dict[str, Any] = {"input": HELLO}
        if tail.endswith(("completions", "messages", "count_tokens")):
            said = {"messages": [{"role": "user", "content": HELLO}]}
        if tail.endswith("messages"):
            said["max_tokens"] = 50
        if stream:
            said["stream"] = True
        return self.plane.client.post(
            f"{self.plane.url}/auto/{tail}",
            json={**({} if model is None else {"model": model}), **said, **body},
            headers={**self.bot.bearer, "anthropic-version": "2023-06-01"},
        )

    def asked(self, text: str, **body: Any) -> str:
        """The model that such a user's words lead to."""
        answer = self.ask(messages=[{"role": "user", "content": text}], **body)
        assert answer.status_code == 200, answer.text
        return answer.headers["x-clawbot-model"]

    def route(self, policy: RoutingPolicy | None) -> None:
        """From now on the bot has this policy."""
        command = SetBotRouting(
            team_id=self.plane.team_id,
            hostname=self.bot.hostname,
            policy=policy,
            expected_version=None,
        )
        self.plane.control.bus.handle(command, by=self.plane.by)

    def admitted(self) -> CallAdmitted:
        return self.plane.only(self.bot, CallAdmitted)

    def settled(self) -> CallSettled:
        self.plane.ended(self.bot)
        return self.plane.only(self.bot, CallSettled)

    def record(self) -> RoutingRecord:
        """How the bot's one admitted call was routed."""
        return RECORD.validate_python(self.admitted().routing)

    def decision(self) -> Decision:
        return self.record().decision

    def refusal(self) -> tuple[str, Decision]:
        """Of the bot's one refused call: the code, and what was decided."""
        refused = self.plane.only(self.bot, CallRefused)
        return refused.code, RECORD.validate_python(refused.routing).decision

    def tried(self) -> list[tuple[str | None, int | None, str]]:
        """Of the one call: the models in order, with status and verdict."""
        log = self.settled().attempt_log
        return [(one.model, one.http_status, one.verdict.value) for one in log]


def routed(
    plane: DataPlane,
    policy: RoutingPolicy | None = None,
    *named: RouteTarget,
    origins: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Routed:
    """A bot with this policy, and a key at each vendor of it and of `named`."""
    targets = [*named, *_targets_of(policy)]
    keys: dict[str, ProviderKeyId] = {}
    for vendor in dict.fromkeys(one.vendor for one in targets):
        keys[vendor] = plane.add_key(
            vendor,
            secret=(secrets or {}).get(vendor, f"sk-good-{uuid4().hex}"),
            origin=(origins or {}).get(vendor),
        )
    links = tuple(
        link_to(key, models=("*", *_models(targets, vendor)))
        for vendor, key in keys.items()
    )
    bot = Routed(plane=plane, bot=plane.new_bot(links=links), keys=keys)
    if policy is not None:
        bot.route(policy)
    return bot


def two_steps(
    plane: DataPlane,
    directives: str,
    *,
    trigger: Trigger | None = None,
    retry: Retry | None = None,
    first: str = "openai",
    **more: Any,
) -> tuple[Routed, RouteTarget, RouteTarget]:
    """A bot whose first step behaves so and whose second, at another vendor, is fine."""
    broken, fine = target(first, directives), target("google")
    policy = Failover(steps=(broken, fine), trigger=trigger, retry=retry)
    return routed(plane, policy, **more), broken, fine


def listed(bot: Routed) -> list[str]:
    """What GET models answers: nothing, while the proxy does not know the policy."""
    url = f"{bot.plane.url}/auto/models"
    answer = bot.plane.client.get(url, headers=bot.bot.bearer)
    return [model["id"] for model in answer.json()["data"]]


def _targets_of(policy: RoutingPolicy | None) -> Iterable[RouteTarget]:
    if policy is None:
        return
    shelf = load_routing_catalog().shelf
    for planned in spread(steps_of(policy, shelf), shelf, []):
        yield planned.target
    if isinstance(policy, Complexity) and policy.classifier is not None:
        yield policy.classifier


def _models(targets: Iterable[RouteTarget], vendor: str) -> Iterable[str]:
    return dict.fromkeys(one.model for one in targets if one.vendor == vendor)
