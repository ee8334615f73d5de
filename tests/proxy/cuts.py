"""Cuts streams as a budget would, and reads what a client gets of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.usage import Usage, UsageSource
from proxy.endings import Ending, Opening, ending_for
from tests.proxy.streams import ALL_STREAMS, Stream

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
USED = Usage(input_tokens=11, output_tokens=7, source=UsageSource.PARTIAL)


def ending_of(stream: Stream, *, usage_asked: bool = False) -> Ending:
    opening = Opening(call_id="c-1", model="asked-for", at=AT, usage_asked=usage_asked)
    found = ending_for(stream.format, content_type=stream.content_type, opening=opening)
    assert found is not None
    return found


@dataclass(frozen=True)
class Cut:
    """What a client gets of a stream that is cut."""

    relayed: bytes
    added: bytes

    @property
    def all(self) -> bytes:
        return self.relayed + self.added


def cut(stream: Stream, after: int, *, usage_asked: bool = False) -> Cut:
    """Cut when so many bytes have come from the vendor."""
    ending = ending_of(stream, usage_asked=usage_asked)
    events = ending.feed(stream.body[:after])
    for event in events:
        ending.relayed(event)
    return Cut(b"".join(events), ending.close(USED))


def borders(stream: Stream) -> Iterator[int]:
    """Where whole events end."""
    at, ending = 0, ending_of(stream)
    yield at
    for event in ending.feed(stream.body):
        at += len(event)
        yield at


def objects(stream: Stream, body: bytes) -> list[dict[str, Any]]:
    """Every JSON text of a body, read as a strict client would; `[DONE]` ends it."""
    if stream.content_type == "application/json":
        read: list[dict[str, Any]] = json.loads(body)
        return read
    if stream.content_type == "application/x-ndjson":
        return [json.loads(line) for line in body.splitlines() if line.strip()]
    found: list[dict[str, Any]] = []
    data: list[bytes] = []
    for line in body.removeprefix(b"\xef\xbb\xbf").splitlines():
        if line.startswith(b"data:"):
            data.append(line[5:])
        elif not line and data:
            if b"".join(data).strip() == b"[DONE]":
                return found
            found.append(json.loads(b"\n".join(data)))
            data = []
    assert not data, "the last event has no end"
    return found


def named(name: str) -> Stream:
    return next(stream for stream in ALL_STREAMS if stream.name == name)
