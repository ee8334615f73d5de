"""`/api/asyncapi.json`: every event that is recorded, as an AsyncAPI 3.0 document.

Made from the events' own classes, so that it cannot say anything else. A channel is a kind
of stream; what stands around an event (when, who, in the course of what) are its headers.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from domain.events import Event
from domain.log import CALLS, FLEET

router = APIRouter(prefix="/api", tags=["documents"])

REFERENCE = "#/components/schemas/{model}"
OURS = "domain."  # tests may define events of their own
OF_CALLS = "call"
_TEXT = {"type": "string"}
HEADERS = {
    "type": "object",
    "description": "What is recorded with every event.",
    "properties": {
        "stream_id": {"type": "string", "format": "uuid"},
        "version": {"type": "integer", "minimum": 1},
        "at": {"type": "string", "format": "date-time"},
        "actor": {**_TEXT, "examples": ["user:0197…", "system:worker"]},
        "team_id": {"type": ["string", "null"], "format": "uuid"},
        "correlation_id": _TEXT,
        "causation_id": _TEXT,
    },
}


class AsyncApiResponse(JSONResponse):
    """The document, under its own media type."""

    media_type = "application/vnd.aai.asyncapi+json"


@router.get("/asyncapi.json", response_class=AsyncApiResponse)
def asyncapi() -> AsyncApiResponse:
    """The catalog of events."""
    return AsyncApiResponse(document())


@cache
def document() -> dict[str, Any]:
    """The document; the same as long as the process lives."""
    events = {
        topic: event
        for topic, event in sorted(Event.by_topic.items())
        if event.__module__.startswith(OURS)
    }
    inputs = [(topic, "validation", TypeAdapter(one)) for topic, one in events.items()]
    payloads, definitions = TypeAdapter.json_schemas(
        inputs,  # type: ignore[arg-type]
        ref_template=REFERENCE,
    )
    kinds: dict[str, list[str]] = defaultdict(list)
    for topic in events:
        kinds[topic.partition(".")[0]].append(topic)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "ClawBotManager events",
            "version": "1",
            "description": "What is recorded in the logs `fleet` and `calls`.",
        },
        "defaultContentType": "application/json",
        "channels": {kind: _channel(kind, topics) for kind, topics in kinds.items()},
        "operations": {
            f"record_{kind}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{kind}"},
            }
            for kind in kinds
        },
        "components": {
            "messages": {
                topic: {
                    "name": topic,
                    "title": event.__name__,
                    "summary": _first_line(event),
                    "headers": {"$ref": "#/components/schemas/RecordedHeaders"},
                    "payload": payloads[topic, "validation"],
                }
                for topic, event in events.items()
            },
            "schemas": {"RecordedHeaders": HEADERS} | definitions.get("$defs", {}),
        },
    }


def _channel(kind: str, topics: list[str]) -> dict[str, Any]:
    log = CALLS if kind == OF_CALLS else FLEET
    messages = {
        topic: {"$ref": f"#/components/messages/{topic}"} for topic in sorted(topics)
    }
    return {
        "address": f"{log}/{kind}/{{stream_id}}",
        "description": f"Streams of the kind `{kind}` in the log `{log}`.",
        "parameters": {"stream_id": {"description": "The stream's id."}},
        "messages": messages,
    }


def _first_line(event: type[Event]) -> str:
    text = event.__doc__ or ""
    return "" if text.startswith(event.__name__) else text.strip().partition("\n")[0]
