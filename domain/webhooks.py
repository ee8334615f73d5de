"""Webhooks: addresses of a team to which notices are posted. One stream for each team.

An address that has failed too often is posted to no more, until somebody enables it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID, uuid5

from domain.errors import Conflict, InvalidFields, NotFound
from domain.events import Event
from domain.ids import TeamId

MOST_WEBHOOKS = 50
_SHELVES = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a07")

# How long after one failure the next attempt is made; after the last one there is none.
PAUSES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800)
)


def webhook_shelf(team_id: TeamId | UUID) -> UUID:
    """The stream in which the team's webhooks are."""
    return uuid5(_SHELVES, str(team_id))


def next_attempt(failures: int, now: datetime) -> datetime | None:
    """When to try again after so many failures; None: never, it has failed for good."""
    return now + PAUSES[failures - 1] if failures <= len(PAUSES) else None


@dataclass(frozen=True, kw_only=True)
class WebhookAdded(Event, topic="webhook.added"):
    """`types` are those of what is posted, () for all. Its secret is in the vault."""

    team_id: TeamId
    webhook_id: UUID
    url: str
    origin: str
    types: tuple[str, ...]
    label: str
    added_at: datetime


@dataclass(frozen=True, kw_only=True)
class WebhookRemoved(Event, topic="webhook.removed"):
    webhook_id: UUID


@dataclass(frozen=True, kw_only=True)
class WebhookDisabled(Event, topic="webhook.disabled"):
    webhook_id: UUID
    reason: str  # "failing", or "gone" if the address said so


@dataclass(frozen=True, kw_only=True)
class WebhookEnabled(Event, topic="webhook.enabled"):
    webhook_id: UUID


@dataclass(frozen=True, kw_only=True)
class WebhookReplayed(Event, topic="webhook.replayed"):
    """What was posted in that delivery is to be posted again."""

    webhook_id: UUID
    delivery_id: UUID


WebhookEvent = (
    WebhookAdded | WebhookRemoved | WebhookDisabled | WebhookEnabled | WebhookReplayed
)


class TooManyWebhooks(Conflict):
    """A team has at most fifty webhooks."""

    code = "too-many-webhooks"


class WebhookIsDisabled(Conflict):
    """A webhook that is disabled is posted to no more; enable it first."""

    code = "webhook-is-disabled"


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """An address, and whether it is posted to."""

    added: WebhookAdded
    disabled: str | None = None  # why

    def wants(self, type_: str, at: datetime) -> bool:
        """Whether something of that type, recorded then, is posted to it."""
        named = not self.added.types or type_ in self.added.types
        return named and self.disabled is None and at >= self.added.added_at


@dataclass(frozen=True, kw_only=True)
class WebhookShelf:
    """A team's webhooks, the oldest first."""

    webhooks: Mapping[UUID, Webhook] = field(default_factory=dict)

    def of(self, webhook_id: UUID) -> Webhook:
        """That one; refused if the team has none of that id."""
        found = self.webhooks.get(webhook_id)
        if found is None:
            raise NotFound
        return found

    def add(self, added: WebhookAdded, *, known: frozenset[str]) -> list[WebhookEvent]:
        """Post to an address from now on; `known` are the types that there are."""
        if len(self.webhooks) >= MOST_WEBHOOKS:
            raise TooManyWebhooks
        if not known.issuperset(added.types):
            raise InvalidFields(types="not-a-choice")
        return [added]

    def remove(self, webhook_id: UUID) -> list[WebhookEvent]:
        """Post to it no more."""
        return [WebhookRemoved(webhook_id=self.of(webhook_id).added.webhook_id)]

    def disable(self, webhook_id: UUID, reason: str) -> list[WebhookEvent]:
        """Give the address up; nothing, if it is given up or gone already."""
        found = self.webhooks.get(webhook_id)
        if found is None or found.disabled is not None:
            return []
        return [WebhookDisabled(webhook_id=webhook_id, reason=reason)]

    def enable(self, webhook_id: UUID) -> list[WebhookEvent]:
        """Post to it again, what has waited first."""
        if self.of(webhook_id).disabled is None:
            return []
        return [WebhookEnabled(webhook_id=webhook_id)]

    def replay(self, webhook_id: UUID, delivery_id: UUID) -> list[WebhookEvent]:
        """Post once more what was posted; refused while nothing is."""
        if self.of(webhook_id).disabled is not None:
            raise WebhookIsDisabled
        return [WebhookReplayed(webhook_id=webhook_id, delivery_id=delivery_id)]

    def evolve(self, event: WebhookEvent) -> WebhookShelf:
        match event:
            case WebhookAdded(webhook_id=webhook_id):
                return self._with(webhook_id, Webhook(added=event))
            case WebhookRemoved(webhook_id=webhook_id):
                left = {k: one for k, one in self.webhooks.items() if k != webhook_id}
                return WebhookShelf(webhooks=left)
            case WebhookDisabled(webhook_id=webhook_id, reason=reason):
                changed = replace(self.webhooks[webhook_id], disabled=reason)
                return self._with(webhook_id, changed)
            case WebhookEnabled(webhook_id=webhook_id):
                changed = replace(self.webhooks[webhook_id], disabled=None)
                return self._with(webhook_id, changed)
            case WebhookReplayed():
                return self
            case _:
                assert_never(event)

    def _with(self, webhook_id: UUID, webhook: Webhook) -> WebhookShelf:
        return WebhookShelf(webhooks={**self.webhooks, webhook_id: webhook})
