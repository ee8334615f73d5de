"""Bad input, and what happens on the wire."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.adapters.simulator.given import KEY, Vendor

CHAT = "/v1/chat/completions"
BODY = b'{"model":"m%s","messages":[{"role":"user","content":"hi"}]}'
HEAD = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\n"
LIMIT = 32 << 20


@contextmanager
def connected(vendor: Vendor) -> Iterator[socket.socket]:
    url = httpx.URL(vendor.url)
    with socket.create_connection((url.host, url.port or 80), timeout=10) as sock:
        yield sock


def request(directives: bytes = b"") -> bytes:
    body = BODY % directives
    return f"{HEAD}content-length: {len(body)}\r\n\r\n".encode() + body


def to_the_end(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


@pytest.mark.parametrize(
    ("path", "wrapped"),
    [
        ("/v1/chat/completions", "type"),
        ("/v1/responses", "type"),
        ("/v1/embeddings", "type"),
        ("/v1/messages", "type"),
        ("/v1/messages/count_tokens", "type"),
        ("/v1beta/models/m:generateContent", "status"),
        ("/v1/models/m:embedContent", "status"),
        ("/v1beta/models/m:countTokens", "status"),
    ],
)
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1]", b'{"model": 3}', b"\xff\xfe", b'{"model":"\xff"}', b"[" * 90_000],
)
def test_a_body_that_cannot_be_read_is_a_400(
    vendor: Vendor, path: str, wrapped: str, body: bytes
) -> None:
    headers = {"authorization": KEY, "anthropic-version": "2023-06-01"}
    answer = vendor.client.post(path, content=body, headers=headers)
    assert answer.status_code == 400
    assert wrapped in answer.json()["error"]
    assert vendor.only_item()["outcome"] == "error"


@pytest.mark.parametrize(
    ("method", "path", "header"),
    [
        ("POST", "/v1/nothing", {}),
        ("GET", CHAT, {}),
        ("POST", "/v1beta/models/m:dance", {}),
        ("POST", "/v1beta/models/a/b:generateContent", {}),
        ("DELETE", "/v1/messages", {"anthropic-version": "1"}),
        ("GET", "/v1/models/x", {}),
    ],
)
def test_an_unknown_path_is_a_404(
    vendor: Vendor, method: str, path: str, header: dict[str, str]
) -> None:
    answer = vendor.client.request(method, path, headers={"authorization": KEY, **header})
    assert answer.status_code == 404
    assert "error" in answer.json()
    assert vendor.only_item()["credential_last4"] == KEY[-4:]


@pytest.mark.parametrize(
    ("path", "status"), [(CHAT, 401), ("/v1/messages", 401), ("/v1beta/models", 403)]
)
def test_a_call_without_credential_is_refused(
    vendor: Vendor, path: str, status: int
) -> None:
    method = "GET" if path.endswith("models") else "POST"
    assert vendor.client.request(method, path, content=b"").status_code == status


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_32_mib_is_a_413(vendor: Vendor, *, chunked: bool) -> None:
    block = b" " * (1 << 20)
    content = iter([block] * 33) if chunked else block * 33
    answer = vendor.client.post(CHAT, content=content, headers={"authorization": KEY})
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    assert "32 MiB" in answer.json()["error"]["message"]


def test_who_still_sends_too_much_is_heard_out_and_gets_its_413(vendor: Vendor) -> None:
    with connected(vendor) as sock:
        sock.sendall(f"{HEAD}content-length: {LIMIT + 1}\r\n\r\n".encode())
        for _ in range(20):
            sock.sendall(b" " * 65_536)
            time.sleep(0.01)
        assert to_the_end(sock).startswith(b"HTTP/1.1 413 ")


def test_a_body_of_32_mib_is_read(vendor: Vendor) -> None:
    body = BODY % b"+tokens=1"
    padded = body + b" " * (LIMIT - len(body))
    answer = vendor.client.post(CHAT, content=padded, headers={"authorization": KEY})
    assert answer.status_code == 200


def test_headers_over_64_kib_are_a_431(vendor: Vendor) -> None:
    with connected(vendor) as sock:
        sock.sendall(f"{HEAD}x: {'a' * 70_000}\r\n\r\n".encode())
        assert to_the_end(sock).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("junk", [b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n"])
def test_what_is_not_http_is_a_400(vendor: Vendor, junk: bytes) -> None:
    with connected(vendor) as sock:
        sock.sendall(junk)
        assert to_the_end(sock).startswith(b"HTTP/1.1 400 ")


def test_pipelined_calls_are_answered_in_order(vendor: Vendor) -> None:
    with connected(vendor) as sock:
        last = request(b"+tokens=3").replace(b"host: x", b"connection: close")
        sock.sendall(request(b"+slow=80,tokens=1") + request(b"+tokens=2") + last)
        answers = to_the_end(sock)
    assert answers.count(b"HTTP/1.1 200 OK") == 3
    sizes = [item["output_tokens"] for item in vendor.items()]
    assert sizes == [1, 2, 3]
    at = [answers.index(b'"completion_tokens":%d,' % size) for size in (1, 2, 3)]
    assert at == sorted(at)


def test_a_request_may_come_byte_by_byte(vendor: Vendor) -> None:
    with connected(vendor) as sock:
        for byte in request().replace(b"host: x", b"connection: close"):
            sock.send(bytes([byte]))
        assert to_the_end(sock).startswith(b"HTTP/1.1 200 OK")


def test_who_expects_a_continue_gets_it(vendor: Vendor) -> None:
    head, body = request().replace(b"host: x", b"expect: 100-continue").split(b"\r\n\r\n")
    with connected(vendor) as sock:
        sock.sendall(head + b"\r\n\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert sock.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_a_client_that_does_not_read_holds_the_answer_back(vendor: Vendor) -> None:
    with connected(vendor) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sock.sendall(request(b"+big=67108864"))
        assert sock.recv(15) == b"HTTP/1.1 200 OK"
        time.sleep(0.3)
        assert vendor.items() == []
    for _ in range(100):
        if vendor.items():
            break
        time.sleep(0.02)
    item = vendor.only_item()
    assert (item["outcome"], item["input_tokens"]) == ("client_left", None)


def test_a_waiting_call_of_a_client_that_left_is_in_the_ledger(vendor: Vendor) -> None:
    with connected(vendor) as sock:
        sock.sendall(request(b"+slow=5000") + request())
        time.sleep(0.1)
    for _ in range(100):
        if len(vendor.items()) == 2:
            break
        time.sleep(0.02)
    assert [item["outcome"] for item in vendor.items()] == ["client_left"] * 2


def test_the_ledger_comes_in_pages_and_can_be_emptied(vendor: Vendor) -> None:
    for _ in range(5):
        vendor.call("openai-chat", "m+tokens=2")
    first = vendor.client.get("/ledger?limit=3").json()
    rest = vendor.client.get(f"/ledger?limit=3&after={first['next_after']}").json()
    assert (len(first["items"]), len(rest["items"]), rest["next_after"]) == (3, 2, None)
    assert first["totals"] == {"calls": 5, "input_tokens": 35, "output_tokens": 10}
    assert vendor.client.delete("/ledger").json()["totals"]["calls"] == 0
    assert vendor.items() == []
    assert vendor.client.get("/ledger?after=x").status_code == 400
    assert vendor.client.get("/health").json() == {"status": "ok"}
