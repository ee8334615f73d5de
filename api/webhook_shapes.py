"""What requests for webhooks look like, and webhooks and deliveries as they go out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, Strict

from api.shapes import Body, Name
from application.webhook_deliveries import Delivery
from domain.happenings import Kind
from domain.webhooks import Webhook


class NewWebhook(Body):
    """`types` name what is posted; all, if none is named."""

    url: Annotated[str, Field(min_length=1, max_length=2048)]
    types: list[Annotated[Kind, Strict(strict=False)]] = Field(default=[], max_length=50)
    label: Name | None = None


class WebhookOut(BaseModel):
    """`disabled` says why nothing is posted to it any more: `failing` or `gone`."""

    id: UUID
    url: str
    label: str
    types: list[str]
    disabled: str | None
    created_at: datetime


class NewWebhookOut(WebhookOut):
    secret: str = Field(description="Signs what is posted; shown once.")


class AttemptOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    at: datetime
    http_status: int | None
    error: str | None
    ms: int


class DeliveryOut(BaseModel):
    """`message_id` is the `webhook-id` that was posted; `attempts` are the last twenty."""

    id: UUID
    message_id: UUID
    type: str
    position: int
    state: str
    next_attempt_at: datetime | None
    attempts: list[AttemptOut]
    created_at: datetime


def webhook_shown(webhook: Webhook) -> WebhookOut:
    """A webhook as it goes out."""
    added = webhook.added
    return WebhookOut(
        id=added.webhook_id,
        url=added.url,
        label=added.label,
        types=list(added.types),
        disabled=webhook.disabled,
        created_at=added.added_at,
    )


def delivery_shown(delivery: Delivery) -> DeliveryOut:
    """A delivery as it goes out."""
    return DeliveryOut(
        id=delivery.delivery_id,
        message_id=delivery.message_id,
        type=delivery.type,
        position=delivery.position,
        state=delivery.state,
        next_attempt_at=delivery.next_at if delivery.state == "pending" else None,
        attempts=[AttemptOut.model_validate(one) for one in delivery.attempts],
        created_at=delivery.created_at,
    )
