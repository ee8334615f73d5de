"""Files through the proxy: admitted before they have come, sent on as they come."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import Any

import httpx
import pytest

from domain.calls import CallAdmitted, CallSettled
from tests.journeys.data_plane import NOWHERE
from tests.journeys.plane import DataPlane, TestBot, new_model
from tests.journeys.proxy_process import until
from tests.proxy.pools import ends, pool
from tests.proxy.test_form import form, part

MIB = 1024 * 1024
PATH = "openai/v1/audio/transcriptions"
FILE = b'content-disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n'


def whole_form(model: str, sound: bytes, *late: bytes) -> bytes:
    return form(part("model", model.encode()) + b"--b\r\n" + FILE, sound, b"\r\n", *late)


def begin(plane: DataPlane, bot: TestBot, framing: str) -> socket.socket:
    """A line on which a transcription was asked for, without its body."""
    host, _, port = plane.proxy.url.removeprefix("http://").partition(":")
    line = socket.create_connection((host, int(port)), timeout=10)
    head = (
        f"POST /api/v1/{PATH} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {bot.token}\r\n"
        f"content-type: multipart/form-data; boundary=b\r\n{framing}\r\n\r\n"
    )
    line.sendall(head.encode())
    return line


def post(plane: DataPlane, bot: TestBot, body: bytes, **more: Any) -> httpx.Response:
    headers = {"content-type": "multipart/form-data; boundary=b", **bot.bearer}
    return plane.client.post(f"{plane.url}/{PATH}", content=body, headers=headers, **more)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_call_is_admitted_and_on_its_way_before_its_file_has_come(
    data_plane: DataPlane, bot: TestBot, *, chunked: bool
) -> None:
    model = new_model()
    body = whole_form(model, b"\0\xff" * MIB)
    framing = "transfer-encoding: chunked" if chunked else f"content-length: {len(body)}"
    with closing(begin(data_plane, bot, framing)) as line:
        for piece in (body[:5000], body[5000:]):
            line.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            until(lambda: len(data_plane.events(bot)) >= 1)
        line.sendall(b"0\r\n\r\n" if chunked else b"")
        assert line.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    admitted, end = data_plane.only(bot, CallAdmitted), data_plane.only(bot, CallSettled)
    assert admitted.facts.requested_model == model
    assert admitted.request_bytes == (5000 if chunked else len(body))
    (item,) = data_plane.ledger(model)
    assert end.usage.input_tokens == item["input_tokens"] == 2 * MIB // 1024


def test_a_file_of_15_mib_arrives_as_it_is(data_plane: DataPlane, bot: TestBot) -> None:
    model, sound = new_model(), bytes(range(256)) * (15 * 4096)
    assert post(data_plane, bot, whole_form(model, sound)).status_code == 200
    assert data_plane.only(bot, CallSettled).usage.input_tokens == 15 * 1024


def test_a_second_model_behind_the_file_keeps_the_vendor_from_having_it_all(
    data_plane: DataPlane, bot: TestBot
) -> None:
    model = new_model()
    late = part("model", b"another")
    answer = post(data_plane, bot, whole_form(model, b"x" * MIB, late))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")
    end = data_plane.only(bot, CallSettled)
    assert (end.error, end.http_status, end.usage.input_tokens) == ("invalid", None, None)
    assert not data_plane.ledger(model)


def test_who_leaves_in_the_middle_of_a_file_has_left(
    data_plane: DataPlane, bot: TestBot
) -> None:
    model = new_model()
    body = whole_form(model, b"x" * MIB)
    with closing(begin(data_plane, bot, f"content-length: {len(body)}")) as line:
        line.sendall(body[:MIB])
        until(lambda: len(data_plane.events(bot)) == 1)
    data_plane.ended(bot)
    end = data_plane.only(bot, CallSettled)
    assert (end.client_left, end.error) == (True, "client-left")
    assert not data_plane.ledger(model)


def test_another_key_is_tried_as_long_as_nothing_was_sent(data_plane: DataPlane) -> None:
    two = pool(data_plane, None, None, origins=(NOWHERE,))
    answer = post(data_plane, two.bot, whole_form(new_model(), b"x" * MIB))
    assert answer.status_code == 200
    assert two.tried() == [(0, None, "overloaded"), (1, 200, "ok")]


def test_no_other_key_is_tried_once_the_file_was_begun(data_plane: DataPlane) -> None:
    two = pool(data_plane, "status=429+retry=30", None)
    answer = post(data_plane, two.bot, whole_form(new_model(), b"x" * MIB))
    assert answer.status_code == 429
    assert two.tried() == [(0, 429, "throttled")]


def test_too_large_is_too_large_however_it_comes(
    data_plane: DataPlane, bot: TestBot
) -> None:
    body = whole_form(new_model(), b"x" * (21 * MIB))
    assert post(data_plane, bot, body).status_code == 413
    with closing(begin(data_plane, bot, "transfer-encoding: chunked")) as line:
        for start in range(0, len(body), MIB):
            piece = body[start : start + MIB]
            try:
                line.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            except OSError:
                break
        assert line.recv(65536).startswith(b"HTTP/1.1 413 ")
    until(lambda: [end.error for end in ends(data_plane, bot)] == ["body-too-large"])
