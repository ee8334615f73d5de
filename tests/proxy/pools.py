"""Bots with several keys, which the vendor answers as the keys' own secrets say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from application.bots import CreateBot
from application.keys import RotateProviderKey
from application.ports import Secret
from domain.attempts import Attempt
from domain.bot_events import ProviderLink
from domain.calls import CallAdmitted, CallSettled
from domain.catalog import AllowPaths
from domain.ids import BotId, LinkId, ProviderKeyId
from tests.journeys.plane import DataPlane, TestBot, new_token


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A bot and its keys, in the order in which they are tried."""

    plane: DataPlane
    bot: TestBot
    keys: tuple[ProviderKeyId, ...]

    def settled(self) -> CallSettled:
        return self.plane.only(self.bot, CallSettled)

    def admitted(self) -> CallAdmitted:
        return self.plane.only(self.bot, CallAdmitted)

    def tried(self) -> list[tuple[int, int | None, str]]:
        """Of the one call: which key, its status, its verdict."""
        return [self._said(attempt) for attempt in self.settled().attempt_log]

    def _said(self, attempt: Attempt) -> tuple[int, int | None, str]:
        nth = self.keys.index(ProviderKeyId(attempt.provider_key_id))
        return nth, attempt.http_status, attempt.verdict.value


def pool(
    plane: DataPlane,
    *directives: str | None,
    vendor: str = "openai",
    origins: tuple[str, ...] = (),
    allow_paths: AllowPaths = "inference",
) -> Pool:
    """A bot with a key for each: None is a good one, else what the simulator should do."""
    keys = tuple(
        plane.add_key(
            vendor,
            secret=f"sk-good-{uuid4().hex}" if said is None else secret_that(said),
            origin=origins[nth] if nth < len(origins) else None,
            allow_paths=allow_paths,
        )
        for nth, said in enumerate(directives)
    )
    links = tuple(
        ProviderLink(
            link_id=LinkId(uuid4()),
            provider_key_id=key,
            vendor=None,
            tag=None,
            models=("*",),
            primary_model=None,
            priority=priority,
        )
        for priority, key in enumerate(keys)
    )
    bot = bot_with(plane, links)
    return Pool(plane=plane, bot=bot, keys=keys)


def bot_with(plane: DataPlane, links: tuple[ProviderLink, ...]) -> TestBot:
    """A bot with these links, which every proxy knows as soon as it sees its token."""
    bot = TestBot(
        bot_id=BotId(uuid4()), hostname=f"bot-{uuid4().hex[:12]}", token=new_token()
    )
    created = CreateBot(
        bot_id=bot.bot_id,
        team_id=plane.team_id,
        hostname=bot.hostname,
        name="A bot",
        tags=(),
        links=links,
        token_hash=plane.token_hash(bot.token),
        now=datetime.now(UTC),
    )
    plane.control.bus.handle(created, by=plane.by)
    return bot


def secret_that(directives: str) -> str:
    """A secret that makes the simulator do so."""
    return f"sk-sim+{directives}"


def ends(plane: DataPlane, bot: TestBot) -> list[CallSettled]:
    return [one.event for one in plane.events(bot) if isinstance(one.event, CallSettled)]


def rotate(plane: DataPlane, key_id: ProviderKeyId, secret: str, grace: float = 60) -> None:
    rotated = RotateProviderKey(
        key_id=key_id,
        team_id=plane.team_id,
        secret=Secret(secret.encode()),
        previous_end_at=datetime.now(UTC) + timedelta(seconds=grace),
        expected_version=None,
    )
    plane.control.bus.handle(rotated, by=plane.by)
