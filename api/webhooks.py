"""`/api/webhook`: addresses to which what happens is posted, and how posting it went."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from uuid_utils.compat import uuid7

from api.callers import SignedIn, TheUser
from api.paging import TheCursors
from api.positions import reached
from api.shapes import ListQuery, Page, unique
from api.webhook_shapes import (
    DeliveryOut,
    NewWebhook,
    NewWebhookOut,
    WebhookOut,
    delivery_shown,
    webhook_shown,
)
from api.wired import TheSystem, Wired
from application.ports import Secret
from application.webhooks import (
    AddWebhook,
    EnableWebhook,
    RemoveWebhook,
    ReplayDelivery,
)
from domain.destinations import UrlIsNotAllowed, allowed_origin
from domain.errors import InvalidFields, NotFound
from domain.webhook_messages import SECRET_BYTES, secret_text
from domain.webhooks import Webhook, WebhookAdded, WebhookShelf, webhook_shelf

router = APIRouter(prefix="/api/webhook", tags=["webhooks"])


@router.get("")
def of_team(
    query: Annotated[ListQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    response: Response,
) -> Page[WebhookOut]:
    """The team's webhooks, oldest first; never their secrets."""
    reached(response, system.fleet.head())
    after = cursors.read(query.cursor, UUID) if query.cursor else UUID(int=0)
    every = _shelf(user, system).webhooks
    rest = [every[one] for one in sorted(every) if one > after]
    shown, cursor = cursors.page(rest, query.limit, lambda one: [str(one.added.webhook_id)])
    return Page(items=[webhook_shown(one) for one in shown], next_cursor=cursor)


@router.post("", status_code=201)
def add(
    new: NewWebhook, user: TheUser, system: TheSystem, response: Response
) -> NewWebhookOut:
    """Have what happens from now on posted to an address; its secret is shown once."""
    try:
        origin = allowed_origin(new.url, egress_allow=system.egress_allow)
    except UrlIsNotAllowed as error:
        raise InvalidFields(url="url-not-allowed") from error
    added = WebhookAdded(
        team_id=user.team_id,
        webhook_id=uuid7(),
        url=new.url,
        origin=str(origin),
        types=unique([one.value for one in new.types]),
        label=new.label or origin.host,
        added_at=datetime.now(UTC),
    )
    secret = secret_text(secrets.token_bytes(SECRET_BYTES))
    command = AddWebhook(added=added, secret=Secret(secret.encode()))
    reached(response, system.bus.handle(command, by=user.caller))
    shown = webhook_shown(Webhook(added=added))
    return NewWebhookOut(**shown.model_dump(), secret=secret)


@router.delete("/{webhook_id}", status_code=204)
def remove(webhook_id: UUID, user: TheUser, system: TheSystem, response: Response) -> None:
    """Post to it no more; its secret is shredded."""
    command = RemoveWebhook(team_id=user.team_id, webhook_id=webhook_id)
    reached(response, system.bus.handle(command, by=user.caller))


@router.post("/{webhook_id}/enable")
def enable(
    webhook_id: UUID, user: TheUser, system: TheSystem, response: Response
) -> WebhookOut:
    """Post to it again after it was given up; what has waited comes first."""
    command = EnableWebhook(team_id=user.team_id, webhook_id=webhook_id)
    reached(response, system.bus.handle(command, by=user.caller))
    return webhook_shown(_shelf(user, system).of(webhook_id))


@router.get("/{webhook_id}/delivery")
def deliveries(
    webhook_id: UUID,
    query: Annotated[ListQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
) -> Page[DeliveryOut]:
    """What was posted to it in thirty days, or is to be, newest first."""
    _shelf(user, system).of(webhook_id)
    before = cursors.read(query.cursor, _place) if query.cursor else None
    rows = system.delivery_log.of(
        user.team_id, webhook_id, before=before, limit=query.limit + 1
    )
    shown, cursor = cursors.page(
        rows, query.limit, lambda one: [one.position, str(one.message_id)]
    )
    return Page(items=[delivery_shown(one) for one in shown], next_cursor=cursor)


@router.post("/{webhook_id}/delivery/{delivery_id}/replay", status_code=202)
def replay(
    webhook_id: UUID,
    delivery_id: UUID,
    user: TheUser,
    system: TheSystem,
    response: Response,
) -> DeliveryOut:
    """Have it posted once more, under the same `webhook-id`."""
    _shelf(user, system).of(webhook_id)
    found = system.delivery_log.get(user.team_id, webhook_id, delivery_id)
    if found is None:
        raise NotFound
    command = ReplayDelivery(
        team_id=user.team_id, webhook_id=webhook_id, delivery_id=delivery_id
    )
    reached(response, system.bus.handle(command, by=user.caller))
    return delivery_shown(found)


def _shelf(user: SignedIn, system: Wired) -> WebhookShelf:
    return system.fleet.look(WebhookShelf(), webhook_shelf(user.team_id)).state


def _place(position: int, message_id: str) -> tuple[int, UUID]:
    return position, UUID(message_id)
