"""Commands about webhooks, and the policy that has happenings posted to them.

Handlers answer the position reached. The secret goes into the vault and the event into the
log in one unit of work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from application.bus import Command
from application.event_log import EventLog
from application.ports import JobQueue, Secret, SecretRef, Vault
from application.webhook_deliveries import DeliveryPlan, NewDelivery
from domain.happenings import PERSONAL, Kind, happenings_of
from domain.ids import TeamId
from domain.log import FLEET, Page, Placed
from domain.webhooks import (
    WebhookAdded,
    WebhookEnabled,
    WebhookRemoved,
    WebhookReplayed,
    WebhookShelf,
    webhook_shelf,
)

DELIVER_WEBHOOK = "deliver_webhook"
PURPOSE = "webhook"
TYPES = frozenset(kind.value for kind in Kind if kind not in PERSONAL)


def webhook_secret(added: WebhookAdded) -> SecretRef:
    """Where a webhook's secret lies in the vault, and what it is bound to."""
    return SecretRef(
        team_id=added.team_id,
        id=added.webhook_id,
        version=1,
        purpose=PURPOSE,
        vendor="",
        origin=added.origin,
    )


@dataclass(frozen=True, kw_only=True)
class AddWebhook(Command[int]):
    """The URL has passed the outbound check."""

    added: WebhookAdded
    secret: Secret


def add_webhook(command: AddWebhook, *, event_log: EventLog, vault: Vault) -> int:
    added = command.added
    shelf = event_log.look(WebhookShelf(), webhook_shelf(added.team_id))
    events = shelf.state.add(added, known=TYPES)
    vault.put(webhook_secret(added), command.secret)
    return event_log.append(shelf, events)


@dataclass(frozen=True, kw_only=True)
class RemoveWebhook(Command[int]):
    team_id: TeamId
    webhook_id: UUID


def remove_webhook(command: RemoveWebhook, *, event_log: EventLog, vault: Vault) -> int:
    shelf = event_log.look(WebhookShelf(), webhook_shelf(command.team_id))
    events = shelf.state.remove(command.webhook_id)
    vault.remove(command.team_id, command.webhook_id)
    return event_log.append(shelf, events)


@dataclass(frozen=True, kw_only=True)
class EnableWebhook(Command[int]):
    team_id: TeamId
    webhook_id: UUID


def enable_webhook(command: EnableWebhook, *, event_log: EventLog) -> int:
    shelf = event_log.look(WebhookShelf(), webhook_shelf(command.team_id))
    return event_log.append(shelf, shelf.state.enable(command.webhook_id))


@dataclass(frozen=True, kw_only=True)
class DisableWebhook(Command[int]):
    """Only the worker asks for this; harmless to ask for twice."""

    team_id: TeamId
    webhook_id: UUID
    reason: str


def disable_webhook(command: DisableWebhook, *, event_log: EventLog) -> int:
    shelf = event_log.look(WebhookShelf(), webhook_shelf(command.team_id))
    events = shelf.state.disable(command.webhook_id, command.reason)
    return event_log.append(shelf, events)


@dataclass(frozen=True, kw_only=True)
class ReplayDelivery(Command[int]):
    """The delivery is one of the webhook's."""

    team_id: TeamId
    webhook_id: UUID
    delivery_id: UUID


def replay_delivery(command: ReplayDelivery, *, event_log: EventLog) -> int:
    shelf = event_log.look(WebhookShelf(), webhook_shelf(command.team_id))
    events = shelf.state.replay(command.webhook_id, command.delivery_id)
    return event_log.append(shelf, events)


class PostToWebhooks:
    """Whenever something happens that a webhook wants, it is written down and rung for.

    A ring that is lost delays it by seconds: whatever is due is rung for again.
    """

    name = "post_to_webhooks"
    logs: tuple[str, ...] = (FLEET,)

    def __init__(self, event_log: EventLog, plan: DeliveryPlan, jobs: JobQueue) -> None:
        self._event_log = event_log
        self._plan = plan
        self._jobs = jobs

    def react(self, page: Page) -> None:
        shelves: dict[UUID, WebhookShelf] = {}
        new: list[NewDelivery] = []
        rung: dict[UUID, None] = {}
        for placed in page.events:
            new += self._wanted(placed, shelves)
            if (changed := self._changed(placed)) is not None:
                rung[changed] = None
        if new:
            self._plan.add(new)
        for webhook_id in rung | dict.fromkeys(one.webhook_id for one in new):
            self._jobs.enqueue(DELIVER_WEBHOOK, webhook_id=str(webhook_id))

    def _wanted(
        self, placed: Placed, shelves: dict[UUID, WebhookShelf]
    ) -> Iterator[NewDelivery]:
        recorded = placed.recorded
        team_id = recorded.team_id
        happenings = [one for one in happenings_of(recorded) if one.only_for is None]
        if team_id is None or not happenings:
            return
        if team_id not in shelves:
            stream = webhook_shelf(team_id)
            shelves[team_id] = self._event_log.look(WebhookShelf(), stream).state
        for webhook_id, webhook in shelves[team_id].webhooks.items():
            for happening in happenings:
                if webhook.wants(happening.kind, recorded.at):
                    yield NewDelivery(
                        webhook_id=webhook_id,
                        team_id=team_id,
                        message_id=happening.id,
                        position=placed.position,
                        type=happening.kind,
                    )

    def _changed(self, placed: Placed) -> UUID | None:
        """The webhook that is to be posted to after what people did, if any."""
        match placed.recorded.event:
            case WebhookReplayed(webhook_id=webhook_id, delivery_id=delivery_id):
                self._plan.again(webhook_id, delivery_id)
                return webhook_id
            case WebhookEnabled(webhook_id=webhook_id):
                self._plan.resume(webhook_id)
                return webhook_id
            case WebhookRemoved(webhook_id=webhook_id):
                self._plan.forget(webhook_id)
        return None
