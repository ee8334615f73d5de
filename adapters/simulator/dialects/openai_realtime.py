"""OpenAI's realtime sessions: what is said to each of a client's events, and what it costs.

The conversation is counted by the simulator's rule: each response pays for all items so far
as its input. Sound has one token for every started 100 ms (4,800 bytes: 24 kHz, 16 bits,
one channel), going in and coming out; a response with sound has its transcript's tokens
besides. What is heard is transcribed, at a price of its own, where the session asks for it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

import msgspec

from adapters.simulator.counting import (
    TOKEN_BYTES,
    greeting,
    lengthened,
    pieces_of,
    tokens_of,
    tokens_of_message,
)
from adapters.simulator.ledger import Usage
from adapters.simulator.script import Script

Event = dict[str, Any]

SOUND_BYTES = 4_800  # of one token
SOUND = base64.b64encode(bytes(SOUND_BYTES)).decode()
HEARD = "What was said."
NOTHING = Usage(0, 0)


@dataclass(slots=True)
class Conversation:
    """What one session has come to; `hear` gives the events that answer a client's."""

    core: str
    model: str
    script: Script
    credential: str
    said: str = ""  # by the user, last
    text_tokens: int = 0  # of all items so far
    sound_tokens: int = 0
    buffered: int = 0  # bytes of sound
    config: Event = field(default_factory=dict)
    numbers: int = 0

    def opened(self) -> list[Event]:
        """The events that a session begins with."""
        return [self._event("session.created", session=self._session())]

    def hear(self, data: bytes) -> list[Event]:
        """The answer to one event of the client; a response is all of its events."""
        try:
            event = msgspec.json.decode(data, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return [self._mistake("invalid_json", "The event is no JSON object.")]
        answers = {
            "session.update": self._configure,
            "conversation.item.create": self._add,
            "input_audio_buffer.append": self._buffer,
            "input_audio_buffer.commit": self._commit,
            "response.create": self._respond,
        }
        kind = str(event.get("type"))
        if kind not in answers:
            return [self._mistake("unknown_event", f"Unknown event {kind!r}.")]
        return answers[kind](event)

    def _session(self) -> Event:
        fixed = {"id": f"sess_{self.core}", "object": "realtime.session"}
        return {"type": "realtime", **self.config, **fixed, "model": self.model}

    def _configure(self, event: Event) -> list[Event]:
        self.config.update(event.get("session", {}))
        return [self._event("session.updated", session=self._session())]

    def _add(self, event: Event) -> list[Event]:
        item = event["item"]
        texts = [part.get("text", "") for part in item.get("content", [])]
        self.said = " ".join(texts)
        self.text_tokens += tokens_of_message(*texts)
        item = {**item, "id": item.get("id") or self._id("item"), "status": "completed"}
        return [
            self._event("conversation.item.added", item=item),
            self._event("conversation.item.done", item=item),
        ]

    def _buffer(self, event: Event) -> list[Event]:
        self.buffered += len(base64.b64decode(event["audio"]))
        return []

    def _commit(self, _event: Event) -> list[Event]:
        tokens, self.buffered = -(-self.buffered // SOUND_BYTES), 0
        self.sound_tokens += tokens
        item = self._id("item")
        events = [self._event("input_audio_buffer.committed", item_id=item)]
        if not self.config.get("audio", {}).get("input", {}).get("transcription"):
            return events
        out = tokens_of(HEARD)
        usage: Event = {
            "type": "tokens",
            "input_tokens": tokens,
            "output_tokens": out,
            "total_tokens": tokens + out,
            "input_token_details": {"text_tokens": 0, "audio_tokens": tokens},
        }
        kind = "conversation.item.input_audio_transcription.completed"
        place = {"item_id": item, "content_index": 0}
        return [*events, self._event(kind, **place, transcript=HEARD, usage=usage)]

    def _respond(self, event: Event) -> list[Event]:
        asked = event.get("response") or {}
        name = self._id("resp")
        begun = self._event("response.created", response=_response(name, "in_progress"))
        text = greeting(self.said)
        if self.script.echo:
            text = f"You sent the credential {self.credential}"
        if self.script.tokens is not None:
            text = lengthened(text, self.script.tokens * TOKEN_BYTES)
        modalities = asked.get("output_modalities") or self.config.get("output_modalities")
        events = self._content(name, text, aloud=modalities == ["audio"])
        if self.script.error is not None:
            return [begun, *events[: self.script.error], *self._failure(name)]
        item = {
            "id": self._id("item"),
            "object": "realtime.item",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": text}],
        }
        usage = None if self.script.nousage else self._usage(events, text)
        done = _response(name, "completed", output=[item], usage=usage)
        self.text_tokens += tokens_of_message(text)
        return [begun, *events, self._event("response.done", response=done)]

    def _content(self, response: str, text: str, *, aloud: bool) -> list[Event]:
        place: Event = {"response_id": response, "item_id": self._id("item")}
        place |= {"output_index": 0, "content_index": 0}
        kind = "response.output_audio_transcript" if aloud else "response.output_text"
        events = []
        for piece in pieces_of(text):
            events.append(self._event(f"{kind}.delta", **place, delta=piece))
            if aloud:
                sound = self._event("response.output_audio.delta", **place, delta=SOUND)
                events.append(sound)
        whole = {"transcript": text} if aloud else {"text": text}
        return [*events, self._event(f"{kind}.done", **place, **whole)]

    def _usage(self, events: list[Event], text: str) -> Event:
        sound = sum(event["type"] == "response.output_audio.delta" for event in events)
        written = tokens_of(text)
        into, out = self.text_tokens + self.sound_tokens, written + sound
        return {
            "total_tokens": into + out,
            "input_tokens": into,
            "output_tokens": out,
            "input_token_details": {
                "text_tokens": self.text_tokens,
                "audio_tokens": self.sound_tokens,
                "cached_tokens": min(self.script.cached, into),
            },
            "output_token_details": {"text_tokens": written, "audio_tokens": sound},
        }

    def _failure(self, name: str) -> list[Event]:
        error = {"type": "server_error", "code": "server_error", "message": "It broke."}
        details = {"type": "failed", "error": error}
        failed = _response(name, "failed", status_details=details)
        return [self._event("response.done", response=failed)]

    def _mistake(self, code: str, message: str) -> Event:
        error = {"type": "invalid_request_error", "code": code, "message": message}
        return self._event("error", error=error)

    def _event(self, kind: str, **more: Any) -> Event:
        return {"type": kind, "event_id": self._id("event"), **more}

    def _id(self, prefix: str) -> str:
        self.numbers += 1
        return f"{prefix}_{self.core}{self.numbers:04x}"


def _response(name: str, status: str, **more: Any) -> Event:
    fixed = {"object": "realtime.response", "id": name, "status": status}
    nothing: Event = {"status_details": None, "output": [], "usage": None}
    return {**fixed, **nothing, **more}


def stated(event: Event) -> Usage | None:
    """The usage that an event tells of, as the ledger counts it."""
    usage = event.get("response", event).get("usage")
    if usage is None:
        return None
    cached = usage["input_token_details"].get("cached_tokens", 0)
    return Usage(usage["input_tokens"], usage["output_tokens"], cached)
