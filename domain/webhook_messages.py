"""What is posted to a webhook, and its signature (Standard Webhooks 1.0, HMAC-SHA-256)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from uuid import UUID

from domain.events import Event, Recorded
from domain.happenings import Happening

PREFIX = "whsec_"
SECRET_BYTES = 32


def secret_text(key: bytes) -> str:
    """The secret as a receiver is shown it."""
    return PREFIX + base64.b64encode(key).decode()


def body_of(happening: Happening, recorded: Recorded[Event], position: int) -> bytes:
    """The same bytes at every attempt."""
    message = {
        "type": happening.kind.value,
        "timestamp": recorded.at.isoformat().replace("+00:00", "Z"),
        "data": {
            "id": str(happening.id),
            "team_id": str(recorded.team_id),
            "position": position,
            "subject": {
                "kind": happening.subject_kind,
                "id": str(happening.subject_id),
            },
            "facts": dict(happening.facts),
        },
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def signed_headers(
    secret: str, message_id: UUID, *, timestamp: int, body: bytes
) -> dict[str, str]:
    """The three headers that a receiver checks; `timestamp` in seconds since 1970."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    content = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {
        "webhook-id": str(message_id),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }
