"""E1: which upgrades are answered; every other one is refused as any odd request is."""

from __future__ import annotations

from uuid import uuid4

import pytest

from domain.calls import CallAdmitted, CallRefused
from tests.frames import TEXT, frame
from tests.wire.conftest import Served
from tests.wire.opening import KEY, PATH, bearer, heard_by_vendor, opened, opening
from tests.wire.raw import say
from tests.wire.test_smuggling import good_call

GET = b"GET " + PATH + b"?model=m HTTP/1.1"
ODD = {
    "no key": opening(sec_websocket_key=None),
    "an empty key": opening(sec_websocket_key=b""),
    "a key of 15 bytes": opening(sec_websocket_key=b"MDEyMzQ1Njc4OWFiY2Rl"),
    "a key of 17 bytes": opening(sec_websocket_key=b"MDEyMzQ1Njc4OWFiY2RlZmc="),
    "a key that is no base64": opening(sec_websocket_key=b"dGhlIHNhbXBsZSBub25j*Q=="),
    "a key with bits left over": opening(sec_websocket_key=KEY[:21] + b"R=="),
    "two keys": opening(b"sec-websocket-key: " + KEY),
    "no version": opening(sec_websocket_version=None),
    "version 8": opening(sec_websocket_version=b"8"),
    "two versions": opening(b"sec-websocket-version: 13"),
    "a list of versions": opening(sec_websocket_version=b"13, 8"),
    "a POST": opening(line=GET.replace(b"GET", b"POST")),
    "a HEAD": opening(line=GET.replace(b"GET", b"HEAD")),
    "HTTP/1.0": opening(line=GET.replace(b"1.1", b"1.0")),
    "h2c": opening(upgrade=b"h2c"),
    "a choice": opening(upgrade=b"websocket, h2c"),
    "two upgrades": opening(b"upgrade: websocket"),
    "no Connection": opening(connection=None),
    "Connection without upgrade": opening(connection=b"keep-alive"),
    "Connection that names a header": opening(connection=b"upgrade, authorization"),
    "Connection that closes": opening(connection=b"upgrade, close"),
    "no upgrade": opening(upgrade=None),
    "a length": opening(b"content-length: 5") + b"hello",
    "a length of nothing": opening(b"content-length: 0"),
    "chunks": opening(b"transfer-encoding: chunked") + b"0\r\n\r\n",
    "an expectation": opening(b"expect: 100-continue"),
    "two Hosts": opening(b"host: other"),
    "no Host": opening(host=None),
    "a path of the control plane": opening(line=b"GET /api/bot HTTP/1.1"),
    "the root": opening(line=b"GET / HTTP/1.1"),
    "a path that only looks like it": opening(line=b"GET /api/v1x/openai HTTP/1.1"),
    "an absolute target": opening(line=b"GET http://localhost" + PATH + b" HTTP/1.1"),
}


@pytest.mark.parametrize("shape", ODD.values(), ids=ODD)
def test_an_odd_opening_is_refused_and_nothing_behind_it_is_read(
    shape: bytes, port: int, served: Served
) -> None:
    mark, before = uuid4().hex.encode(), len(served.vendor.sessions)
    shape = shape.replace(b"\r\n", b"\r\n" + bearer(served.bot) + b"\r\n", 1)
    heard = say(port, shape + good_call(served, mark))
    assert heard.statuses == [400]
    assert heard.closed
    assert len(served.vendor.sessions) == before
    assert served.vendor.requests(mark) == []


@pytest.mark.parametrize(
    "shape",
    [
        b"",
        b"x-a: b",
        b"sec-websocket-extensions: permessage-deflate; client_max_window_bits",
    ],
)
def test_a_good_opening_is_answered_as_it_must_be(
    shape: bytes, port: int, served: Served
) -> None:
    with opened(served, port, *([shape] if shape else [])) as session:
        assert b"sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in session.head
        assert b"upgrade: websocket" in session.head
        assert b"connection: upgrade" in session.head
        assert b"x-call-id: " in session.head
        assert b"x-ratelimit-limit-requests: 500" in session.head
        for never in (
            b"extensions",
            b"set-cookie",
            b"\nserver",
            b"\ncontent-",
            b"\ntransfer",
        ):
            assert never not in session.head
        assert served.plane.only(session.bot, CallAdmitted).streaming


@pytest.mark.parametrize(
    ("connection", "upgrade"),
    [(b"keep-alive, Upgrade", b"websocket"), (b"upgrade", b"WebSocket")],
)
def test_browsers_ways_to_ask_are_understood(
    connection: bytes, upgrade: bytes, port: int, served: Served
) -> None:
    asked = opening(bearer(served.bot), connection=connection, upgrade=upgrade)
    heard = say(port, asked + frame(TEXT, b"", masked=False))
    assert heard.statuses == [101]
    assert heard.closed


@pytest.mark.parametrize(
    ("line", "token", "status", "code"),
    [
        (GET, b"x-a: b", 401, "unauthenticated"),
        (GET, b"authorization: Bearer cbt_nobody", 401, "unauthenticated"),
        (b"GET /api/v1/openai/v1/models HTTP/1.1", None, 403, "path-not-allowed"),
        (b"GET /api/v1/openai/v1/chat/completions HTTP/1.1", None, 403, "path-not-allowed"),
        (
            b"GET /api/v1/openai/v1/realtime/client_secrets HTTP/1.1",
            *(None, 403, "path-not-allowed"),
        ),
        (b"GET /api/v1/nobody/v1/realtime HTTP/1.1", None, 404, "unknown-vendor"),
        (GET.replace(b"model=m", b"model=m&model=n"), None, 400, "invalid"),
    ],
)
def test_who_may_not_is_told_so_in_http_and_nothing_behind_it_is_read(
    line: bytes, token: bytes | None, status: int, code: str, port: int, served: Served
) -> None:
    mark, before = uuid4().hex.encode(), len(served.vendor.sessions)
    bot = served.plane.new_bot()
    asked = opening(bearer(bot) if token is None else token, line=line)
    heard = say(port, asked + good_call(served, mark))
    assert heard.statuses == [status]
    assert heard.closed
    assert heard.json()["error"]["code"] == code
    assert heard.headers()["x-call-id"]
    assert heard.headers()["connection"] == "close"
    assert len(served.vendor.sessions) == before
    assert served.vendor.requests(mark) == []
    recorded = served.plane.events(bot)
    assert [type(one.event) for one in recorded] == ([] if token else [CallRefused])


def test_the_realtime_path_is_no_path_of_plain_http(port: int, served: Served) -> None:
    plain = opening(
        *(bearer(served.bot), b"connection: close"), upgrade=None, connection=None
    )
    heard = say(port, plain)
    assert heard.statuses == [403]
    assert heard.json()["error"]["code"] == "path-not-allowed"


@pytest.mark.parametrize("place", ["authorization", "api-key", "?key=", "subprotocol"])
def test_the_token_is_taken_from_any_place_and_only_our_key_goes_to_the_vendor(
    place: str, port: int, served: Served
) -> None:
    token, before = served.bot.token.encode(), len(served.vendor.sessions)
    said = {
        "authorization": b"authorization: Bearer " + token,
        "api-key": b"api-key: " + token,
        "?key=": b"x-a: b",
        "subprotocol": b"sec-websocket-protocol: realtime, openai-insecure-api-key."
        + token
        + b", openai-organization.org-1",
    }[place]
    target = PATH + b"?model=m" + (b"&key=" + token if place == "?key=" else b"")
    more = (
        *(said, b"openai-beta: realtime=v1", b"openai-safety-identifier: ada"),
        *(b"cookie: a=b", b"origin: https://evil", b"user-agent: me", b"x-sneaky: 1"),
    )
    asked = opening(*more, line=b"GET " + target + b" HTTP/1.1")
    heard = say(port, asked + frame(TEXT, b"", masked=False))
    assert heard.statuses == [101]
    (session,) = served.vendor.sessions[before:]
    assert session.opening.startswith(b"GET /v1/realtime?model=m HTTP/1.1\r\n")
    assert session.header(b"authorization") == b"Bearer " + served.secret
    assert session.header(b"openai-beta") == b"realtime=v1"
    assert session.header(b"openai-safety-identifier") == b"ada"
    chosen = b"realtime" if place == "subprotocol" else None
    assert session.header(b"sec-websocket-protocol") == chosen
    assert token not in session.opening
    assert session.header(b"sec-websocket-key") != KEY
    for never in (
        b"cookie",
        b"origin",
        b"user-agent",
        b"x-sneaky",
        b"extensions",
        b"org-1",
    ):
        assert never not in session.opening.lower()


def test_frames_that_come_before_the_101_are_not_lost(port: int, served: Served) -> None:
    with opened(served, port, behind=frame(TEXT, b"early")) as session:
        session.send(frame(TEXT, b"late"))
        assert heard_by_vendor(session.vendor, 2) == [(0x81, b"early"), (0x81, b"late")]
