"""The samples, and ways to cut a body into chunks and read it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from proxy.usage import Reading, UsageReader, reader_for

SAMPLES = Path(__file__).parent / "samples"
NEEDS_INFLATING = "openai-chat/stream_gzip"  # we ask for identity, and read nothing else


@dataclass(frozen=True, kw_only=True)
class Sample:
    """An answer of a vendor, with what is to be read from it."""

    name: str
    body: bytes
    expected: dict[str, Any]
    nasty: tuple[int, ...]  # lengths of chunks; what is left comes last

    def reader(self) -> UsageReader:
        return reader_for(
            self.expected["format"],
            content_type=self.expected["content_type"],
            status=self.expected["http_status"],
            requested_model=self.expected["request_model"],
        )

    def read(self, chunks: Iterable[bytes]) -> Reading:
        reader = self.reader()
        for chunk in chunks:
            reader.feed(chunk)
        reader.end()
        return reader.reading()


def samples() -> Iterator[Sample]:
    for path in sorted(SAMPLES.glob("*/*.expected.json")):
        expected = json.loads(path.read_text(encoding="utf-8"))
        stem = path.name.removesuffix(".expected.json")
        nasty = path.with_name(f"{stem}.chunks.json")
        yield Sample(
            name=f"{path.parent.name}/{stem}",
            body=path.with_name(expected["body_file"]).read_bytes(),
            expected=expected,
            nasty=tuple(json.loads(nasty.read_bytes())["chunk_lengths"])
            if nasty.exists()
            else (),
        )


ALL = tuple(samples())
READ = tuple(sample for sample in ALL if sample.name != NEEDS_INFLATING)
STREAMS = tuple(sample for sample in READ if sample.expected["streaming"])


def named(name: str) -> Sample:
    return next(sample for sample in ALL if sample.name == name)


def pieces(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def cut_at(body: bytes, places: Iterable[int]) -> list[bytes]:
    """The body in chunks, cut at the places; twice the same place is an empty chunk."""
    edges = [0, *sorted(min(place, len(body)) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


def stream(text: bytes, format_: str = "openai-chat") -> Reading:
    """What is read from a stream that came in one piece."""
    return _read(text, format_, "text/event-stream")


def body(text: bytes, format_: str = "openai-chat", status: int = 200) -> Reading:
    """What is read from a plain body that came in one piece."""
    return _read(text, format_, "application/json", status)


def _read(text: bytes, format_: str, content_type: str, status: int = 200) -> Reading:
    reader = reader_for(
        format_, content_type=content_type, status=status, requested_model="asked-for"
    )
    reader.feed(text)
    reader.end()
    return reader.reading()
