"""Deliveries to webhooks, and who does what with them, as roles.

The projector writes down what is to be posted, the worker posts it in the order of the log,
one webhook apart from the other, and the api shows how it went.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid5


@dataclass(frozen=True, kw_only=True)
class NewDelivery:
    """A message for one webhook: what the event at that position means."""

    webhook_id: UUID
    team_id: UUID
    message_id: UUID
    position: int
    type: str

    @property
    def delivery_id(self) -> UUID:
        """The same for the same message to the same webhook."""
        return uuid5(self.webhook_id, str(self.message_id))


@dataclass(frozen=True, kw_only=True)
class PostAttempt:
    """One attempt: what was answered, or our code where no answer came."""

    at: datetime
    http_status: int | None
    error: str | None
    ms: int

    @property
    def took_it(self) -> bool:
        """Whether the address took the message."""
        return self.http_status is not None and 200 <= self.http_status < 300  # noqa: PLR2004


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A message to one webhook, and how posting it went; the last twenty attempts."""

    delivery_id: UUID
    webhook_id: UUID
    team_id: UUID
    message_id: UUID
    position: int
    type: str
    state: str  # pending, delivered or failed
    failures: int  # in a row
    next_at: datetime
    leased_until: datetime | None
    attempts: tuple[PostAttempt, ...]
    created_at: datetime


class DeliveryPlan(Protocol):
    """What is to be posted. All of it is harmless to ask for twice."""

    def add(self, deliveries: Sequence[NewDelivery]) -> None:
        """They are pending; those that are known stay as they are."""

    def again(self, webhook_id: UUID, delivery_id: UUID) -> None:
        """That one is pending once more, at once."""

    def resume(self, webhook_id: UUID) -> None:
        """What is pending is tried at once, as if it had never failed."""

    def forget(self, webhook_id: UUID) -> None:
        """Nothing is known of the webhook any more."""

    def due(self) -> list[UUID]:
        """The webhooks of which something should be posted now."""

    def prune(self) -> None:
        """What is older than thirty days is gone."""


class DeliveryQueue(Protocol):
    """What the worker posts."""

    def claim(self, webhook_id: UUID) -> Delivery | None:
        """The next one for that webhook, ours for a minute; None: it is not time yet."""

    def settle(
        self,
        claimed: Delivery,
        *,
        state: str,
        failures: int,
        next_at: datetime,
        attempts: tuple[PostAttempt, ...],
    ) -> None:
        """So it went; nothing, if the minute is over and it is another's by now."""


class DeliveryLog(Protocol):
    """How posting went, for the team."""

    def of(
        self,
        team_id: UUID,
        webhook_id: UUID,
        *,
        before: tuple[int, UUID] | None,
        limit: int,
    ) -> list[Delivery]:
        """The webhook's deliveries, newest first, from behind that place."""

    def get(self, team_id: UUID, webhook_id: UUID, delivery_id: UUID) -> Delivery | None:
        """That one, if the webhook has it."""
