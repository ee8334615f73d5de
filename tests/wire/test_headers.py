"""P1, P3, E3: what passes in either direction is built from lists, whatever was sent."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.wire.conftest import Served
from tests.wire.raw import Heard, request, say
from tests.wire.test_smuggling import BODY, CALL, POST, good_call, head, token

JSON = b"content-type: application/json"
CLOSE = b"connection: close"
HOSTILE = (
    b"X-Forwarded-For: 10.0.0.1",
    b"X-Forwarded-Host: inside",
    b"X-Forwarded-Proto: https",
    b"Forwarded: for=10.0.0.1;host=inside",
    b"X-Real-IP: 10.0.0.1",
    b"X-Original-URL: /admin",
    b"X-Rewrite-URL: /admin",
    b"X-HTTP-Method-Override: DELETE",
    b"Via: 1.1 evil",
    b"Cookie: session=evil",
    b"OpenAI-Organization: org-evil",
    b"OpenAI-Project: proj-evil",
    b"X-Api-Version: evil",
    b"Proxy-Authorization: Basic evil",
    b"Proxy-Connection: keep-alive",
    b"Keep-Alive: timeout=1000",
    b"TE: trailers",
    b"Trailer: x-evil",
    b"Origin: http://evil",
    b"Referer: http://evil",
    b"Accept-Encoding: gzip, br",
    b"Range: bytes=0-1",
    b"If-None-Match: evil",
    b"Max-Forwards: 0",
    b"Host-Override: evil",
    b"X-Evil: 1",
    b"Connection: close, x-evil, authorization, content-type, host",
)


def headers_of(sent: bytes) -> dict[bytes, bytes]:
    """By name, each of which stands there once."""
    lines = sent.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    pairs = [line.split(b": ", 1) for line in lines]
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def called(port: int, served: Served, *more: bytes) -> tuple[Heard, bytes | None]:
    """The answer, and what the vendor was sent for it, if anything."""
    mark = uuid4().hex.encode()
    heard = say(port, good_call(served, mark, CLOSE, *more))
    sent = served.vendor.requests(mark)
    assert len(sent) <= 1
    return heard, sent[0] if sent else None


def test_the_vendor_gets_exactly_what_is_on_the_list(port: int, served: Served) -> None:
    mark = uuid4().hex.encode()
    call = good_call(served, mark, b"Accept: text/x", b"User-Agent: evil/1", *HOSTILE)
    assert say(port, call).statuses == [200]
    (sent,) = served.vendor.requests(mark)
    assert sent.partition(b"\r\n")[0] == b"POST /v1/chat/completions HTTP/1.1"
    got = headers_of(sent)
    assert got.pop(b"host") == served.vendor.url.removeprefix("http://").encode()
    assert got.pop(b"authorization") == b"Bearer " + served.secret
    assert got.pop(b"accept-encoding") == b"identity"
    assert got.pop(b"content-type") == b"application/json"
    assert got.pop(b"content-length") == b"%d" % len(BODY % mark)
    got.pop(b"accept", None)
    got.pop(b"user-agent", None)
    assert got == {}
    assert served.bot.token.encode() not in sent
    assert b"10.0.0.1" not in sent


def test_the_client_gets_exactly_what_is_on_the_list(port: int, served: Served) -> None:
    heard, _ = called(port, served)
    got = heard.headers()
    for name in ("x-call-id", "x-request-id", "content-length"):
        assert got.pop(name)
    assert got == {
        "connection": "close",
        "content-type": "application/json",
        "x-ratelimit-limit-requests": "500",
        "x-clawbot-vendor": "openai",
        "x-clawbot-model": "m",
        "x-clawbot-attempts": "1",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    assert heard.head.count(b"\r\n") == len(heard.headers())  # none twice


@pytest.mark.parametrize("host", [b"evil.example", b"api.openai.com:443", b"[::1]:80"])
def test_the_clients_host_decides_nothing(host: bytes, port: int, served: Served) -> None:
    mark = uuid4().hex.encode()
    call = good_call(served, mark, CLOSE).replace(b"host: localhost", b"host: " + host)
    assert say(port, call).statuses == [200]
    (sent,) = served.vendor.requests(mark)
    assert headers_of(sent)[b"host"] == served.vendor.url.removeprefix("http://").encode()


@pytest.mark.parametrize(
    "name",
    [b"accept", b"content-type", b"user-agent", b"openai-beta", b"authorization", b"x-id"],
)
@pytest.mark.parametrize(
    "value",
    [b"a\rx-evil: 1", b"a\nx-evil: 1", b"a\r\n x-evil: 1", b"a\0b", b"a\x0bb", b"\x7f"],
)
def test_nothing_in_a_value_ends_its_line(
    name: bytes, value: bytes, port: int, served: Served
) -> None:
    heard, sent = called(port, served, name + b": " + value)
    assert (heard.statuses, sent) == ([400], None)


@pytest.mark.parametrize("name", [b"accept", b"user-agent", b"openai-beta", b"x-id"])
def test_a_line_of_the_clients_own_is_a_header_that_is_not_passed_on(
    name: bytes, port: int, served: Served
) -> None:
    more = name + b": a%0d%0ax-evil: 1\r\nx-evil: 1\r\nhost-evil: 2"
    heard, sent = called(port, served, more)
    assert heard.statuses == [200]
    assert sent is not None
    assert b"\r\nx-evil" not in sent
    assert b"host-evil" not in sent


@pytest.mark.parametrize("name", [b"accept", b"user-agent", b"openai-beta"])
def test_a_header_that_comes_twice_goes_on_once(
    name: bytes, port: int, served: Served
) -> None:
    heard, sent = called(port, served, name + b": one", name.upper() + b": two")
    assert heard.statuses == [200]
    assert sent is not None
    assert headers_of(sent).get(name, b"one, two") == b"one, two"


def test_a_second_credential_is_not_passed_on(port: int, served: Served) -> None:
    heard, sent = called(port, served, b"x-api-key: sk-evil", b"api-key: sk-evil")
    assert sent is None or b"sk-evil" not in sent
    assert heard.statuses in ([200], [401])
    heard, sent = called(port, served, b"authorization: Bearer sk-evil")
    assert (heard.statuses, sent) == ([401], None)


@pytest.mark.parametrize(
    "path",
    [
        b"/api/v1/openai/v1/..%2fadmin",
        b"/api/v1/openai/v1/..%2F..%2fadmin",
        b"/api/v1/openai/v1/%2e%2e/admin",
        b"/api/v1/openai/v1/../admin",
        b"/api/v1/openai/../../health",
        b"/api/v1/openai/v1/./chat/completions",
        b"/api/v1/openai/v1//chat/completions",
        b"/api/v1/openai//v1/chat/completions",
        b"/api/v1/openai/v1%2fchat/completions",
        b"/api/v1/openai/v1/chat%5ccompletions",
        b"/api/v1/openai/v1/chat\\completions",
        b"/api/v1/openai/v1/chat/completions;a=b",
        b"/api/v1/openai/v1/chat/completions%00",
        b"/api/v1/openai/v1/chat/completions%0d%0ax-evil:1",
        b"/api/v1/openai/v1/chat/completions/",
        b"/api/v1/openai/@evil.example/v1/chat/completions",
        b"/api/v1/openai/http://evil.example/",
        b"/api/v1/%6fpenai/v1/chat/completions",
        b"/api/v1/openai%2fv1/chat/completions",
        b"/api/v1/../v1/openai/v1/chat/completions",
        b"/api/v1/openai/v1/organization/users",
        b"/api%2fv1/openai/v1/chat/completions",
        b"//api/v1/openai/v1/chat/completions",
        b"/api//v1/openai/v1/chat/completions",
        b"/./api/v1/openai/v1/chat/completions",
    ],
)
def test_what_arrives_is_what_is_decided_on(path: bytes, port: int, served: Served) -> None:
    mark = uuid4().hex.encode()
    call = good_call(served, mark, CLOSE).replace(CALL, path, 1)
    heard = say(port, call)
    assert len(heard.statuses) == 1
    assert heard.statuses[0] in {400, 401, 403, 404, 405}
    assert served.vendor.requests(mark) == []


def test_a_harmless_escape_is_no_other_path(port: int, served: Served) -> None:
    mark = uuid4().hex.encode()
    path = CALL.replace(b"/completions", b"/%63ompletions")
    heard = say(port, good_call(served, mark, CLOSE).replace(CALL, path, 1))
    assert heard.statuses == [200]
    (sent,) = served.vendor.requests(mark)
    assert sent.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")


def test_the_query_arrives_as_it_was_sent_but_for_the_key(
    port: int, served: Served
) -> None:
    mark = uuid4().hex.encode()
    query = b"?a=%2e%2e%2f&b=c|d&&key=" + served.bot.token.encode()
    call = good_call(served, mark, CLOSE).replace(CALL, CALL + query, 1)
    assert say(port, call).statuses == [200]
    (sent,) = served.vendor.requests(mark)
    line = sent.partition(b"\r\n")[0]
    assert line == b"POST /v1/chat/completions?a=%2e%2e%2f&b=c|d& HTTP/1.1"


@pytest.mark.parametrize("method", [b"HEAD", b"OPTIONS", b"PATCH", b"PROPFIND"])
def test_other_methods_are_answered_once(method: bytes, port: int) -> None:
    heard = say(port, request(CLOSE, line=method + b" /health HTTP/1.1"))
    assert len(heard.statuses) == 1
    assert heard.closed
    if method == b"HEAD":
        assert heard.body == b""


def test_http_1_0_is_answered_and_closed(port: int, served: Served) -> None:
    heard = say(port, request(b"connection: keep-alive", line=b"GET /health HTTP/1.0"))
    assert (heard.statuses, heard.closed) == ([200], True)
    mark = uuid4().hex.encode()
    heard = say(port, good_call(served, mark).replace(POST, POST[:-1] + b"0"))
    assert (heard.statuses, heard.closed) == ([200], True)


def test_what_is_not_sent_as_it_is_is_refused(port: int, served: Served) -> None:
    body = b"\x1f\x8b\x08\x00"
    coded = head(
        token(served), JSON, b"content-encoding: gzip", b"content-length: 4", CLOSE
    )
    assert say(port, coded + body).statuses == [415]
