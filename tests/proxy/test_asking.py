"""Usage is asked for where the client did not ask, and the client does not notice."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.asking import UsageWithheld, with_usage_asked
from proxy.incoming import read_json

CONTENT = b'data: {"id":"1","choices":[{"delta":{"content":"a\\n\\nb"}}],"usage":null}\n\n'
FILTERED = b'data: {"choices":[],"prompt_filter_results":[],"usage":null}\n\n'
USAGE = b'data: {"id":"1","choices":[],"usage":{"prompt_tokens":1}}\n\n'
SPACED = b'data: { "choices" : [ ] , "usage" : { "prompt_tokens" : 1 } }\n\n'
OVER_LINES = b'data: {"choices":[\n: a comment\ndata: ],\ndata: "usage":{"a":1}}\n\n'
MORE_LINES = OVER_LINES.replace(b":[\n", b"\ndata: :[\n")
MOST_LINES = OVER_LINES.replace(b":[\n", b":\ndata: [\n")
CUMULATIVE = b'data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}\n\n'
BOTH = b'data: {"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}\n\n'
ALONE = frozenset({USAGE, SPACED, OVER_LINES, MORE_LINES, MOST_LINES})
DONE = b"data: [DONE]\n\n"
COMMENT = b": keep-alive\n\n"


def through(pieces: list[bytes]) -> bytes:
    withheld = UsageWithheld()
    return b"".join([*map(withheld.feed, pieces), withheld.flush()])


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "stream": True},
        {"stream_options": None, "stream": True},
        {"stream_options": {"include_obfuscation": False}, "stream": True},
        {"stream_options": {"include_usage": False}, "stream": True},
    ],
)
def test_usage_is_asked_for_and_everything_else_stays(body: dict[str, object]) -> None:
    asked = with_usage_asked(json.dumps(body).encode())
    assert asked is not None
    after = json.loads(asked)
    assert after.pop("stream_options")["include_usage"] is True
    body.pop("stream_options", None)
    assert after == body


@pytest.mark.parametrize("blanks", [b"", b" \r\n\t"])
def test_a_body_without_options_gets_them_at_its_end(blanks: bytes) -> None:
    body = b'{ "model" : "m", "stream" : true }'
    options = read_json(body + blanks).stream_options
    asked = with_usage_asked(body + blanks, has_options=options)
    assert asked == body[:-1] + b',"stream_options":{"include_usage":true}}'


def test_an_empty_body_gets_them_too() -> None:
    asked = with_usage_asked(b"{ }", has_options=read_json(b"{ }").stream_options)
    assert asked == b'{"stream_options":{"include_usage":true}}'


@pytest.mark.parametrize("name", [b"stream_options", b"stream_opti\\u006fns"])
def test_options_that_are_there_are_found_however_they_are_spelled(name: bytes) -> None:
    body = b'{"%b":{"a":1},"stream":true}' % name
    asked = with_usage_asked(body, has_options=read_json(body).stream_options)
    assert asked == b'{"stream_options":{"a":1,"include_usage":true},"stream":true}'


def test_numbers_keep_their_spelling() -> None:
    asked = with_usage_asked(b'{"temperature":1.0e-0,"seed":12345678901234567890123}')
    assert asked is not None
    assert asked.startswith(b'{"temperature":1.0e-0,"seed":12345678901234567890123,')


@pytest.mark.parametrize(
    "body", [b'{"stream_options":{"include_usage":true}}', b'{"stream_options":3}']
)
def test_who_asks_or_talks_nonsense_is_left_alone(body: bytes) -> None:
    assert with_usage_asked(body) is None


@given(
    st.lists(
        st.sampled_from(
            [COMMENT, FILTERED, CONTENT, BOTH, CUMULATIVE, DONE, *sorted(ALONE)]
        )
    ),
    st.data(),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
def test_only_the_event_of_usage_alone_is_withheld(
    events: list[bytes], data: st.DataObject, end: bytes
) -> None:
    stream = b"".join(events).replace(b"\n", end)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)))))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    kept = b"".join(event for event in events if event not in ALONE)
    assert through(pieces) == kept.replace(b"\n", end)


@given(st.lists(st.sampled_from([b"\n", CONTENT, USAGE, DONE, b"data: {}\n"]), max_size=9))
def test_blank_lines_too_many_hide_nothing_and_lose_nothing(parts: list[bytes]) -> None:
    stream = b"".join(parts)
    passed = through([stream])
    assert passed == through([stream[at : at + 1] for at in range(len(stream))])
    assert b'"usage":{' not in passed or b"{}\n" + USAGE in passed


def test_whole_events_are_not_delayed() -> None:
    assert UsageWithheld().feed(CONTENT) == CONTENT


def test_an_event_without_an_end_is_not_held_for_ever() -> None:
    withheld = UsageWithheld()
    passed = sum(len(withheld.feed(b"x" * 65536)) for _ in range(64))
    assert passed >= 2 * 1024 * 1024
