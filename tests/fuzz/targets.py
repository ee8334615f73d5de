"""What must hold for any bytes, at the places where strangers' bytes are read.

A target takes bytes and returns, or raises because something does not hold. The first bytes
choose among settings where there are some; every choice is made by remainder, so that all
bytes mean something.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import pairwise

from adapters.catalog.loader import load_catalog
from adapters.http.head import END, Head, judge_beginning, read_head
from adapters.http.limits import HttpLimits
from adapters.http.refusals import Refusal
from domain.catalog import METHODS, PathNotAllowed, target
from domain.paths import PLAIN
from proxy.incoming import NotReadable, read_json
from proxy.usage import TALLIES, Reading, reader_for
from tests.fuzz.forms import form
from tests.fuzz.frames import frames

LIMITS = HttpLimits(upgrades_below=b"/api/v1/")
VENDORS = load_catalog().all()
BASES = ("", "/v1", "/gw", "/gw/v1", "/v1beta/openai", "/api/paas/v4", "/openai")
VERBS = (*sorted(METHODS), "TRACE")
FORMATS = (*TALLIES, "never-heard-of")
TYPES = ("text/event-stream", "application/json", "application/x-ndjson", "audio/mpeg")
STATUSES = (200, 404)
# Bodies are spelled in words too: their reader is in C and shows the fuzzer no branches.
WORDS = (
    *(b"{", b"}", b"[", b"]", b",", b":", b" ", b"true", b"null", b"NaN", b"-1.5e999"),
    *(b'"model"', b'"mod\\u0065l"', b'"stream"', b'"a"', b'"\\ud800"', b'"\xff"'),
    *(b'"\xc3\xa9"', b"7"),
)  # fmt: skip


def path(data: bytes) -> None:
    """Whatever a bot asks for, what is sent is plain and stays below the vendor's origin.

    Bytes: vendor, base path, method, opened; then the tail.
    """
    if len(data) < 4:
        return
    vendor, base = VENDORS[data[0] % len(VENDORS)], BASES[data[1] % len(BASES)]
    method, everything = VERBS[data[2] % len(VERBS)], data[3] % 2
    try:
        found = target(
            vendor,
            base_path=base,
            method=method,
            tail=data[4:].decode("latin-1"),
            allow_paths="all" if everything else "inference",
        )
    except PathNotAllowed:
        return
    assert method in METHODS
    assert found.path.startswith("/")
    for segment in found.path[1:].split("/"):
        assert segment not in {"", "."}
        assert ".." not in segment
        assert PLAIN.issuperset(segment)


def head(data: bytes) -> None:
    """A head is refused, or means the same when it is written again from what was read.

    No part of one that is taken is refused while it comes in.
    """
    block = data.partition(END)[0] + END
    try:
        found = read_head(block, LIMITS)
    except Refusal:
        return
    names = [name for name, _ in found.headers]
    assert names.count(b"host") == 1
    assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
    assert (found.framing is None) or {b"content-length", b"transfer-encoding"} & {*names}
    assert not any(byte in b"".join(names) for byte in b" \t:")
    for text in (found.target, *(value for _, value in found.headers)):
        assert not any(byte in text for byte in b"\r\n\0")
    again = read_head(_written(found), LIMITS)
    assert (again.method, again.target, again.headers) == (
        found.method,
        found.target,
        found.headers,
    )
    assert again.keep_alive == found.keep_alive
    for end in range(1, len(block) - len(END)):
        judge_beginning(block[:end], 0, LIMITS)


def _written(found: Head) -> bytes:
    lines = [
        b"%s %s HTTP/1.%d" % (found.method.encode(), found.target, found.minor),
        *(b"%s: %s" % header for header in found.headers),
    ]
    return b"\r\n".join(lines) + END


def answer(data: bytes) -> None:
    """Wherever an answer is cut, the same is read from it; asking early raises nothing.

    Bytes: format, content type, status, two places to cut at; then the answer.
    """
    if len(data) < 5:
        return
    text = data[5:]
    places = sorted({0, data[3] % (len(text) + 1), data[4] % (len(text) + 1), len(text)})
    cut = [text[start:end] for start, end in pairwise(places)]
    whole = _read(data, [text])
    assert _read(data, cut) == whole
    assert _read(data, (bytes([byte]) for byte in text)) == whole
    _read(data, cut, asking=True)  # may know more: of a JSON text with more behind it


def _read(
    data: bytes, chunks: Iterable[bytes], *, asking: bool = False
) -> tuple[Reading, bool]:
    reader = reader_for(
        FORMATS[data[0] % len(FORMATS)],
        content_type=TYPES[data[1] % len(TYPES)],
        status=STATUSES[data[2] % len(STATUSES)],
        requested_model="m",
    )
    for chunk in chunks:
        reader.feed(chunk)
        if asking:
            reader.reading()
    reader.end()
    reader.end()
    return reader.reading(), reader.ended


def body(data: bytes) -> None:
    """What is read of a JSON body is what the library's reader finds, each name once.

    Behind a NUL every byte is a word.
    """
    if data[:1] == b"\0":
        data = b"".join(WORDS[byte % len(WORDS)] for byte in data[1:])
    try:
        asked = read_json(data)
    except NotReadable:
        return
    last: list[tuple[str, object]] = []

    def keep(pairs: list[tuple[str, object]]) -> dict[str, object]:
        last[:] = pairs
        return dict(pairs)

    # What is nested is relayed as it came, even where its text is no UTF-8.
    text = data.decode("utf-8", "replace")
    fields = json.loads(text, object_pairs_hook=keep, parse_int=str, parse_float=str)
    assert isinstance(fields, dict)
    assert len(fields) == len(last)
    assert fields.get("model") == asked.model
    said = fields.get("stream")
    assert asked.stream is (said if isinstance(said, bool) else None)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "path": path,
    "head": head,
    "answer": answer,
    "body": body,
    "form": form,
    "frames": frames,
}
