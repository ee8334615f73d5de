"""A call's head and body, read before anything is believed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.incoming import (
    MAX_BODY,
    Asked,
    BodyTooLarge,
    ClientLeft,
    CodedBody,
    Message,
    NotReadable,
    read_body,
    read_head,
    read_json,
)

TOKEN = "cbt_0123456789abcdefABCDEF-_"


def scope(
    path: bytes = b"/api/v1/openai/v1/models",
    query: bytes = b"",
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> dict[str, Any]:
    return {
        "method": "POST",
        "raw_path": path,
        "query_string": query,
        "headers": list(headers),
    }


# The head.


@pytest.mark.parametrize("value", ["Bearer {}", "bearer {}", "BEARER  {} ", "{}", " {}"])
def test_a_token_in_authorization_is_read_whatever_its_scheme_is_written_like(
    value: str,
) -> None:
    sent = value.format(TOKEN).encode()
    incoming = read_head(scope(headers=[(b"authorization", sent)]))
    assert incoming.tokens == (TOKEN,)
    assert incoming.headers == {}


@pytest.mark.parametrize("name", [b"x-api-key", b"x-goog-api-key", b"api-key"])
def test_a_token_in_a_vendors_own_header_is_read_and_removed(name: bytes) -> None:
    incoming = read_head(scope(headers=[(name, TOKEN.encode()), (b"accept", b"*/*")]))
    assert incoming.tokens == (TOKEN,)
    assert incoming.headers == {b"accept": b"*/*"}


@pytest.mark.parametrize(
    ("query", "kept", "tokens"),
    [
        (f"key={TOKEN}", "", (TOKEN,)),
        (f"alt=sse&key={TOKEN}&b=1", "alt=sse&b=1", (TOKEN,)),
        (f"key={TOKEN}&key=second", "", (TOKEN,)),
        (f"%6bey={TOKEN}", "", (TOKEN,)),
        (f"k%65y={quote('a+b/c=')}", "", ("a+b/c=",)),
        ("key=", "", ("",)),
        ("key", "", ("",)),
        ("monkey=1&keys=2", "monkey=1&keys=2", ()),
        ("alt=sse&&x=%20", "alt=sse&&x=%20", ()),
    ],
)
def test_a_token_in_the_query_is_taken_out_and_everything_else_keeps_its_bytes(
    query: str, kept: str, tokens: tuple[str, ...]
) -> None:
    incoming = read_head(scope(query=query.encode()))
    assert incoming.query == kept.encode()
    assert incoming.tokens == tokens


@given(
    st.lists(st.tuples(st.text("ekyKEY%656b9", max_size=6), st.text("ab%3d", max_size=4)))
)
def test_no_query_smuggles_a_key_past_the_vendors_own_reading(
    pairs: list[tuple[str, str]],
) -> None:
    query = "&".join(f"{name}={value}" for name, value in pairs).encode()
    left = read_head(scope(query=query)).query.decode()
    names = [pair.partition("=")[0] for pair in left.split("&")]
    assert "key" not in [_unquoted(name) for name in names]


def _unquoted(name: str) -> str:
    from urllib.parse import parse_qsl  # noqa: PLC0415

    read = parse_qsl(f"{name}=x", keep_blank_values=True)
    return read[0][0] if read else ""


def test_vendor_and_tail_are_the_raw_path() -> None:
    incoming = read_head(scope(b"/api/v1/openai/v1/..%2Fmodels/%00"))
    assert (incoming.vendor, incoming.tail) == ("openai", "v1/..%2Fmodels/%00")
    assert read_head(scope(b"/api/v1/openai")).tail == ""


def test_headers_that_come_twice_are_one() -> None:
    sent = [(b"accept", b"a"), (b"accept", b"b")]
    assert read_head(scope(headers=sent)).headers == {b"accept": b"a, b"}


def test_two_tokens_in_two_places_are_both_looked_at() -> None:
    sent = [(b"x-api-key", b"one"), (b"authorization", b"Bearer two")]
    incoming = read_head(scope(query=b"key=three", headers=sent))
    assert incoming.tokens == ("two", "one", "three")


# The body.


def receiving(*messages: Message) -> Any:
    left = iter(messages)

    async def receive() -> Message:
        return next(left)

    return receive


def piece(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


GONE: Message = {"type": "http.disconnect"}


@pytest.mark.anyio
async def test_a_body_is_read_whole_in_however_many_pieces() -> None:
    assert await read_body({}, receiving(piece(b"one"))) == b"one"
    assert await read_body({}, receiving(piece(b"a", more=True), piece(b"b"))) == b"ab"
    assert await read_body({}, receiving(piece(b"", more=True), piece(b""))) == b""


@pytest.mark.anyio
async def test_a_body_that_breaks_off_is_no_body() -> None:
    with pytest.raises(ClientLeft):
        await read_body({}, receiving(GONE))
    with pytest.raises(ClientLeft):
        await read_body({}, receiving(piece(b"a", more=True), GONE))


@pytest.mark.anyio
async def test_a_body_over_the_limit_is_refused_before_it_is_all_there() -> None:
    declared = {b"content-length": str(MAX_BODY + 1).encode()}
    with pytest.raises(BodyTooLarge):
        await read_body(declared, receiving())
    half = bytes(MAX_BODY // 2 + 1)
    with pytest.raises(BodyTooLarge):
        await read_body({}, receiving(piece(half, more=True), piece(half, more=True)))
    with pytest.raises(BodyTooLarge):
        await read_body({}, receiving(piece(bytes(MAX_BODY + 1))))
    whole = bytes(MAX_BODY)
    assert await read_body({}, receiving(piece(whole))) == whole


@pytest.mark.anyio
@pytest.mark.parametrize("coding", [b"gzip", b"br", b"identity, gzip", b"x"])
async def test_a_coded_body_is_refused(coding: bytes) -> None:
    with pytest.raises(CodedBody):
        await read_body({b"content-encoding": coding}, receiving(piece(b"{}")))
    assert await read_body({b"content-encoding": b"Identity"}, receiving(piece(b"{}")))


# What it asks for.


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        (b"{}", Asked()),
        (b' {"model" : "gpt-5" , "stream" : true}\n', Asked(model="gpt-5", stream=True)),
        (b'{"model":"gpt-5","stream":false}', Asked(model="gpt-5", stream=False)),
        (b'{"stream":"true"}', Asked()),
        (b'{"messages":[{"model":"a","model":"b"}]}', Asked()),
        (b'{"messages":[{"stream":true}],"model":"\xc3\xbc"}', Asked(model="ü")),
        (b'{"seed":' + b"9" * 5000 + b', "model":"m"}', Asked(model="m")),
        (b'{"model":""}', Asked(model="")),
    ],
)
def test_model_and_streaming_are_read_at_the_top_level(body: bytes, asked: Asked) -> None:
    assert read_json(body) == asked


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"model"',
        b"{",
        b'{"a":1}x',
        b'{"a":1,}',
        b'{"a":NaN}',
        b"\xef\xbb\xbf{}",
        b'{"model":7}',
        b'{"model":null}',
        b'{"model":"a\\u0000b"}',
        b'{"model":"a\\nb"}',
        b'{"model":"\\ud800"}',
        b'{"model":"\xff"}',
        b'{"model":"' + b"m" * 201 + b'"}',
        b'{"model":"a","model":"b"}',
        b'{"model":"a","m\\u006fdel":"b"}',
        b'{"stream":true, "stream":false}',
        b'{"model":"a","MODEL":"b"}',
        b'{"Max_Tokens":9}',
        '{"\u017ftream":true}'.encode(),  # a long s
        b'{"x":1,"y":2,"x":1}',
        b'{"x": 1, "y": 2, "x": 1}',
        b'{"x":34,"y":1,"z":1,"a":1,"x":12}',  # as long as the last of each with blanks
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"a":' + b'{"b":' * 5000 + b"1" + b"}" * 5001,
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_cannot_be_read_in_one_way_only_is_refused(body: bytes) -> None:
    with pytest.raises(NotReadable):
        read_json(body)


def test_where_names_are_the_vendors_own_they_may_be_in_capitals() -> None:
    assert read_json(b'{"Text":"hello","Model":"m"}', any_case=True).model is None


NAMES = st.sampled_from(["model", "stream", "a", "ä", 'q"', "x"])
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)


@given(st.lists(st.tuples(NAMES, VALUES)), st.sampled_from([", ", ","]), st.booleans())
def test_a_body_is_refused_exactly_if_a_name_stands_twice_or_the_model_is_no_name(
    pairs: list[tuple[str, Any]],
    comma: str,
    escaped: bool,  # noqa: FBT001
) -> None:
    colon = ": " if comma == ", " else ":"
    body = "{" + comma.join(
        json.dumps(name, ensure_ascii=escaped) + colon + json.dumps(value)
        for name, value in pairs
    )
    names = [name for name, _ in pairs]
    model = dict(pairs).get("model", "")
    repeats = len(set(names)) != len(names)
    named = isinstance(model, str) and model.isprintable()
    try:
        asked = read_json((body + "}").encode())
    except NotReadable:
        assert repeats or not named
    else:
        assert named
        assert not repeats
        assert asked.model == dict(pairs).get("model")
        said = dict(pairs).get("stream")
        assert asked.stream is (said if isinstance(said, bool) else None)


@given(
    st.binary(max_size=60) | st.text('{}[]",:\\ntrue0\u0000', max_size=60).map(str.encode)
)
def test_no_bytes_make_it_fail_otherwise(body: bytes) -> None:
    try:
        read_json(body)
    except NotReadable:
        return
