"""Events that are alike, read all at once: it comes to the same as one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.usage import reader_for
from proxy.usage.framing import EventStream
from proxy.usage.openai_chat import OpenAiChat
from proxy.usage.runs import LEAST
from tests.proxy.usage.given import READ, Sample, pieces

CHAT = (
    b'data: {"id":"chatcmpl-%s","model":"m","choices":[{"index":0,"delta":'
    b'{"content":"%%s"},"finish_reason":null}],"usage":null}\n\n' % (b"x" * 200)
)
MESSAGES = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"more":"%s"'
    b',"delta":{"type":"text_delta","text":"%%s"}}\n\n' % (b"x" * 200)
)
TOO = CHAT.replace(b'{"content"', b'{"reasoning_content":"so","content"')
EITHER = CHAT.replace(b'{"content"', b'{"reasoning":"instead","reasoning_content"')
TWICE = CHAT.replace(b'{"content"', b'{"content":"not this","content"')
FIRST = CHAT.replace(b'"%s"', b'"%s","content":"but this"')
TWO = CHAT.replace(b"\n\n", b'\ndata: {"choices":[{"delta":{"content":"1234"}}]}\n\n')
RAW = b'{"choices":[{"delta":{"content":"1234"}}]}\n' + CHAT
ID = CHAT.replace(b'"content":"%s"', b'"content":"abc"').replace(b"chatcmpl-", b"%s")
WORDS = (
    *(b"a", b"two", b" three", b" three", b"", "ü".encode(), "語".encode()),
    *(b"\\n", b'\\"', b"\\u0041", b"\\ud83d\\ude00", b"\\x", b"\t", b"\xff", b"\xe8\xaa"),
    b'a"}}],"model":"other","more":[{"z":{"y":"',
    *(b'","x":"', b'"}],"usage":{"prompt_tokens":3},"y":[{"z":"', b"a\\", b'a"b', b"a\nb"),
)  # fmt: skip
OTHERS = (
    b'data: {"model":"other","choices":[{"delta":{"role":"assistant","content":""}}]}\n\n',
    b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":2}}\n\n',
    b'data: {"error":{"message":"no more"}}\n\n',
    b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":5}}\n\n',
    *(b": a comment\n\n", b"\n", b"data: {\n", b"data: [DONE]\n\n", b"\xef\xbb\xbf", b"\r"),
)
SHAPES = (CHAT, MESSAGES, TOO, EITHER, TWICE, FIRST, TWO, RAW, ID)


@st.composite
def bursts(draw: st.DrawFn) -> bytes:
    """Runs of events of some shapes, and what may come between them."""
    parts: list[bytes] = []
    plain = st.lists(st.sampled_from(WORDS[:4]), min_size=3, max_size=25)
    words = st.lists(st.sampled_from(WORDS), max_size=25)
    others = st.lists(st.sampled_from(OTHERS), max_size=3)
    for _ in range(draw(st.integers(1, 3))):
        shape = draw(st.sampled_from(SHAPES))
        for _ in range(draw(st.integers(1, 3))):
            parts += draw(others)
            parts += [shape.replace(b"%s", word) for word in draw(plain) + draw(words)]
    return b"".join(parts)


@given(bursts(), st.sampled_from(["openai-chat", "anthropic-messages"]), st.data())
def test_what_comes_at_once_is_read_as_what_comes_bit_by_bit(
    text: bytes, format_: str, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(text)))
    readings = []
    for chunks in ([text], [text[:cut], text[cut:]], pieces(text, LEAST - 1)):
        reader = reader_for(
            format_, content_type="text/event-stream", status=200, requested_model="m"
        )
        for chunk in chunks:
            reader.feed(chunk)
        readings.append((reader.reading(), reader.ended))
        reader.end()
        readings.append((reader.reading(), reader.ended))
    assert readings[:2] == readings[2:4] == readings[4:]


def test_what_cannot_be_read_is_passed_over_before_what_comes_after_it() -> None:
    words = [*WORDS[:4], *WORDS[:4], b"\xff", b'a"}}],"model":"other","more":[{"z":{"y":"']
    text = b"".join(CHAT.replace(b"%s", word) for word in words)
    at_once, bit_by_bit = (EventStream(OpenAiChat(), None) for _ in range(2))
    at_once.feed(text)
    for piece in pieces(text, 100):
        bit_by_bit.feed(piece)
    assert at_once.reading() == bit_by_bit.reading()
    assert at_once.reading().model == "other"


class Counted(OpenAiChat):
    """Knows how many events it was shown."""

    shown = 0

    def event(self, data: bytes) -> bool:
        Counted.shown += 1
        return super().event(data)


def shown(text: bytes) -> int:
    """How many events are read one by one."""
    Counted.shown = 0
    stream = EventStream(Counted(), "m")
    stream.feed(text)
    return Counted.shown


def test_events_that_are_alike_are_not_read_one_by_one() -> None:
    words = [b" %d" % number for number in range(50)]
    text = OTHERS[0] + b"".join(CHAT.replace(b"%s", word) for word in words)
    assert shown(text) <= 5
    words[20], words[40] = b"\\n", b'\\"'
    text = OTHERS[0] + b"".join(CHAT.replace(b"%s", word) for word in words)
    assert shown(text) <= 7
    text = b"".join(ID.replace(b"%s", word) for word in words)
    assert shown(text) >= 50


@pytest.mark.parametrize(
    "sample", [one for one in READ if one.expected["streaming"]], ids=lambda one: one.name
)
def test_each_sample_is_read_alike_where_its_events_come_many_times(sample: Sample) -> None:
    events = sample.body.split(b"\n\n")
    middle = len(events) // 2
    body = b"\n\n".join(
        [*events[:middle], *events[middle : middle + 1] * 40, *events[middle:]]
    )
    assert sample.read([body]) == sample.read(pieces(body, 100))
