"""When a bot could reach something: a key, a plugin, a skill. Folded from its stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.bot_events import BotEvent, ProviderLink
from domain.bots import Bot
from domain.events import Recorded


@dataclass(frozen=True, kw_only=True)
class Span:
    """From the one moment to before the other; None: still."""

    since: datetime
    until: datetime | None = None

    def within(self, since: datetime | None, until: datetime | None) -> Span | None:
        """What of it lies between the two; None if nothing does."""
        start = self.since if since is None else max(self.since, since)
        ends = [end for end in (self.until, until) if end is not None]
        end = min(ends, default=None)
        return None if end is not None and end <= start else Span(since=start, until=end)


def spans(
    history: Iterable[Recorded[BotEvent]], reaches: Callable[[Bot], bool]
) -> tuple[str, list[Span]]:
    """The bot's hostname, and the times in which that was true of it; none once deleted."""
    bot, found, since = Bot(), list[Span](), None
    for recorded in history:
        bot = bot.evolve(recorded.event)
        now = not bot.deleted and reaches(bot)
        if now and since is None:
            since = recorded.at
        if not now and since is not None:
            found.append(Span(since=since, until=recorded.at))
            since = None
    if since is not None:
        found.append(Span(since=since))
    return bot.hostname, found


@dataclass(frozen=True, kw_only=True)
class KeyFacts:
    """What links may name a key by; `tags` are all that it ever had."""

    key_id: object
    vendor: str
    tags: frozenset[str]

    def named_by(self, link: ProviderLink) -> bool:
        """Whether the link lets a bot use the key."""
        if link.provider_key_id is not None:
            return link.provider_key_id == self.key_id
        by_vendor = link.vendor in {None, self.vendor}
        return by_vendor and (link.tag is None or link.tag in self.tags)

    def reached_by(self, bot: Bot) -> bool:
        """Whether the bot may use the key."""
        return any(self.named_by(link) for link in bot.links)


def has_plugin(name: str) -> Callable[[Bot], bool]:
    """Whether a bot has the plugin of that slug, or the install of that id."""
    return lambda bot: any(name in {one.slug, str(one.id)} for one in bot.equipment.plugins)


def has_skill(name: str) -> Callable[[Bot], bool]:
    """Whether a bot has the skill of that id, name or content hash."""
    return lambda bot: any(
        name in {one.skill_id, one.name, one.content_hash} for one in bot.equipment.skills
    )
