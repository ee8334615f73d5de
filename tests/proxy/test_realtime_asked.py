"""What a bot's opening of a session says: its token, its subprotocols, its model."""

from __future__ import annotations

import pytest

from domain.catalog import WEBSOCKET
from proxy.incoming import UPGRADE, Incoming, NotReadable, Scope, read_head
from proxy.realtime.handshake import asked_in_query

PROTOCOL = b"sec-websocket-protocol"


def head(*headers: tuple[bytes, bytes], upgrades: bool = True) -> Incoming:
    scope: Scope = {
        "method": "GET",
        "raw_path": b"/api/v1/openai/v1/realtime",
        "query_string": b"model=m",
        "headers": list(headers),
        "extensions": {UPGRADE: {}} if upgrades else {},
    }
    return read_head(scope)


def test_a_token_among_the_subprotocols_is_taken_out_with_all_that_may_not_pass() -> None:
    said = (
        b"realtime, openai-insecure-api-key.cbt_a,openai-organization.org-1,"
        b"openai-beta.realtime-v1, openai-project.p, realtime"
    )
    incoming = head((PROTOCOL, said))
    assert incoming.method == WEBSOCKET
    assert incoming.tokens == ("cbt_a",)
    assert incoming.headers[PROTOCOL] == b"realtime, openai-beta.realtime-v1"


def test_subprotocols_in_two_headers_are_one_list() -> None:
    token = (PROTOCOL, b"openai-insecure-api-key.cbt_a")
    incoming = head((PROTOCOL, b"realtime"), token)
    assert incoming.tokens == ("cbt_a",)
    assert incoming.headers[PROTOCOL] == b"realtime"
    assert PROTOCOL not in head(token).headers


def test_a_call_that_asks_for_no_websocket_has_no_token_there() -> None:
    token = (PROTOCOL, b"openai-insecure-api-key.cbt_a")
    incoming = head(token, upgrades=False)
    assert (incoming.method, incoming.tokens) == ("GET", ())


@pytest.mark.parametrize(
    ("query", "model"),
    [
        (b"", None),
        (b"model=gpt-realtime", "gpt-realtime"),
        (b"api-version=1&deployment=mine", "mine"),
        (b"%6dodel=a%2Bb", "a+b"),
        (b"intent=transcription", None),
    ],
)
def test_the_query_names_the_model(query: bytes, model: str | None) -> None:
    assert asked_in_query(query).model == model


@pytest.mark.parametrize(
    "query",
    {
        "two models": b"model=a&model=b",
        "one model twice": b"model=a&model=a",
        "a model and a deployment": b"model=a&deployment=b",
        "another case": b"model=a&MODEL=b",
        "another coding": b"model=a&%6Dodel=b",
        "no name": b"model=",
        "a name with a NUL": b"model=a%00",
        "a name like a novel": b"model=" + b"a" * 201,
        "more fields than anybody needs": b"&".join([b"a=b"] * 101),
        "no ASCII": "model=é".encode(),
    }.items(),
    ids=lambda item: item[0],
)
def test_a_query_that_can_be_read_in_two_ways_is_refused(query: tuple[str, bytes]) -> None:
    with pytest.raises(NotReadable):
        asked_in_query(query[1])
