"""What a test can do with a running data plane: give commands, call, look at both books.

Teams, keys and bots are made by the commands that the control plane gives.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx

from adapters.bootstrap.control_plane import ControlPlane
from adapters.simulator import Started
from application.bots import CreateBot, IssueBotToken
from application.event_log import Caller
from application.keys import AddProviderKey, RemoveProviderKey
from application.ports import Secret
from domain.bot_events import ProviderLink
from domain.calls import CallAdmitted, CallEvent, CallExtended
from domain.catalog import AllowPaths
from domain.events import Recorded
from domain.ids import BotId, LinkId, ProviderKeyId, TeamId
from tests.journeys.proxy_process import ProxyProcess, until

PAGE = 1000
MOST_ADDED = 150

CallEventT = TypeVar("CallEventT", bound=CallEvent)


@dataclass(frozen=True, kw_only=True)
class TestBot:
    """A bot that runs elsewhere, as far as the proxy knows it: a token."""

    __test__ = False
    bot_id: BotId
    hostname: str
    token: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(kw_only=True)
class DataPlane:
    """A running proxy and everything around it."""

    proxy: ProxyProcess
    simulator: Started
    control: ControlPlane
    database_url: str
    client: httpx.Client
    secret: str
    team_id: TeamId = field(default_factory=lambda: TeamId(uuid4()))
    keys: dict[str, ProviderKeyId] = field(default_factory=dict)
    added: deque[ProviderKeyId] = field(default_factory=deque)  # in this order

    @property
    def url(self) -> str:
        return f"{self.proxy.url}/api/v1"

    @property
    def by(self) -> Caller:
        return Caller(actor="user:owner", team_id=self.team_id)

    def add_key(
        self,
        vendor: str,
        *,
        secret: str | None = None,
        origin: str | None = None,
        models: tuple[str, ...] = (),
        tags: tuple[str, ...] = (),
        allow_paths: AllowPaths = "inference",
    ) -> ProviderKeyId:
        """A key of the team, good at the simulator unless it says otherwise."""
        key_id, origin = ProviderKeyId(uuid4()), origin or self.simulator.url
        added = AddProviderKey(
            key_id=key_id,
            team_id=self.team_id,
            vendor=vendor,
            label="a key",
            secret=Secret((secret or self.secret).encode()),
            base_url=origin + ("/v1" if vendor == "custom" else ""),
            origin=origin,
            tags=tags,
            models=models,
            allow_paths=allow_paths,
        )
        if len(self.added) == MOST_ADDED:  # by earlier tests: a team has room for 200
            shared = self.keys.values()
            self.remove_key(next(key for key in self.added if key not in shared))
        self.control.bus.handle(added, by=self.by)
        self.added.append(key_id)
        return key_id

    def remove_key(self, key_id: ProviderKeyId) -> None:
        removed = RemoveProviderKey(
            key_id=key_id, team_id=self.team_id, expected_version=None
        )
        self.control.bus.handle(removed, by=self.by)
        if key_id in self.added:
            self.added.remove(key_id)

    def key_of(self, vendor: str) -> ProviderKeyId:
        """A key of that vendor that all tests share."""
        if vendor not in self.keys:
            self.keys[vendor] = self.add_key(vendor)
        return self.keys[vendor]

    def new_bot(
        self, *keys: ProviderKeyId, links: tuple[ProviderLink, ...] = ()
    ) -> TestBot:
        """A bot with a token; without keys or links it may use those of every vendor."""
        links = links or tuple(link_to(key) for key in keys or self.keys.values())
        bot = TestBot(
            bot_id=BotId(uuid4()), hostname=f"bot-{secrets.token_hex(4)}", token=new_token()
        )
        created = CreateBot(
            bot_id=bot.bot_id,
            team_id=self.team_id,
            hostname=bot.hostname,
            name="A bot",
            tags=(),
            links=links,
            token_hash=self.token_hash(bot.token),
            now=datetime.now(UTC),
        )
        self.control.bus.handle(created, by=self.by)
        return bot

    def rotate(self, bot: TestBot) -> str:
        """The bot's new token; the old one has ended."""
        token = new_token()
        issued = IssueBotToken(
            team_id=self.team_id,
            hostname=bot.hostname,
            token_hash=self.token_hash(token),
            previous_end_at=datetime.now(UTC),
        )
        self.control.bus.handle(issued, by=self.by)
        return token

    def token_hash(self, token: str) -> str:
        key = self.control.instance_keys.get("token")
        return hmac.digest(key, token.encode(), "sha256").hex()

    def chat(
        self, bot: TestBot, model: str, *, stream: bool = False, **more: Any
    ) -> httpx.Response:
        """The answer to a chat completion."""
        return self.client.post(
            f"{self.url}/openai/v1/chat/completions",
            json=chat_body(model, stream=stream),
            headers={**bot.bearer, **more.pop("headers", {})},
            **more,
        )

    def events(self, bot: TestBot) -> list[Recorded[CallEvent]]:
        """What the calls log holds of the bot, in order."""
        return [one for one in self.all_events() if one.event.facts.bot_id == bot.bot_id]

    def only(self, bot: TestBot, kind: type[CallEventT]) -> CallEventT:
        """The bot's one event of that kind."""
        (event,) = [e.event for e in self.events(bot) if isinstance(e.event, kind)]
        return event

    def ended(self, bot: TestBot, calls: int = 1) -> None:
        """So many calls of the bot have an end on record; waits for it."""
        until(lambda: self._open_and_ended(bot) == (0, calls))

    def _open_and_ended(self, bot: TestBot) -> tuple[int, int]:
        events = [
            one.event for one in self.events(bot) if not isinstance(one.event, CallExtended)
        ]
        admitted = sum(isinstance(event, CallAdmitted) for event in events)
        return 2 * admitted - len(events), len(events) - admitted

    def all_events(self) -> list[Recorded[Any]]:
        """The whole calls log, in order."""
        found: list[Recorded[Any]] = []
        after = 0
        while (page := self.control.calls.page(after=after, limit=PAGE)).upto > after:
            found.extend(placed.recorded for placed in page.events)
            after = page.upto
        return found

    def ledger(self, model: str | None = None) -> list[dict[str, Any]]:
        """What the vendor has on its books, or only what it has of one model."""
        items: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = httpx.get(f"{self.simulator.url}/ledger", params={"after": after}).json()
            items.extend(page["items"])
            after = page["next_after"]
        name = model and model.partition("+")[0]
        return [item for item in items if name is None or item["model"] == name]


def link_to(
    key: ProviderKeyId | None = None,
    *,
    vendor: str | None = None,
    tag: str | None = None,
    models: tuple[str, ...] = ("*",),
    primary: str | None = None,
) -> ProviderLink:
    """A bot's link to a key, or to those of a vendor or with a tag."""
    return ProviderLink(
        link_id=LinkId(uuid4()),
        provider_key_id=key,
        vendor=vendor,
        tag=tag,
        models=models,
        primary_model=primary,
    )


def new_token() -> str:
    random = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    return f"cbt_{random}"


def new_model(directives: str = "") -> str:
    """A model of this test's own, so that the vendor's books tell its calls."""
    return f"m-{uuid4().hex}{directives}"


def chat_body(model: str, *, stream: bool = False, text: str = "hello") -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": text}],
    }
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def call_id_of(answer: httpx.Response) -> UUID:
    return UUID(answer.headers["x-call-id"])
