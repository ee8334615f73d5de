"""Forms on their way: what is read before the call is admitted, and how the rest goes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from domain.catalog import Target
from proxy.incoming import (
    MAX_BODY,
    Asked,
    BodyTooLarge,
    ClientLeft,
    CodedBody,
    Message,
    NotReadable,
)
from proxy.upload import MOST_READ_BEFORE, Upload, begun
from proxy.upstream import Limits, UpstreamError
from tests.domain.going import go
from tests.proxy.scripted import (
    BOTH_LOOPS,
    Exchange,
    calling,
    plain,
    says,
    vendor,
    whole,
)
from tests.proxy.test_form import FILE, TYPE, form, part

pytestmark = pytest.mark.anyio

SOUND = b"--b\r\n" + FILE + b"\0\xff" * 1000 + b"\r\n"
MODEL = part("model", b"whisper-1")
HEAD = MODEL + part("stream", b"true") + b"--b\r\n" + FILE
REST = [b"x" * 1000] * 5
TRANSCRIPTIONS = go("openai", "v1/audio/transcriptions")
FILES = go("openai", "v1/files", allow="all")


@pytest.fixture(scope="module", params=BOTH_LOOPS, ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


class Client:
    """Sends these pieces, one for each time it is asked."""

    def __init__(self, *pieces: bytes, leaves: bool = False) -> None:
        self._pieces = list(pieces)
        self._leaves = leaves
        self.asked = 0

    async def receive(self) -> Message:
        self.asked += 1
        await asyncio.sleep(0)
        if self._leaves and len(self._pieces) == 1:
            return {"type": "http.disconnect"}
        body = self._pieces.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self._pieces)}


async def begin(
    client: Client, target: Target = TRANSCRIPTIONS, **headers: bytes
) -> Upload:
    named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return await begun(target, {b"content-type": TYPE, **named}, client.receive)


async def rest(upload: Upload) -> bytes:
    pieces = []
    while piece := await upload.read():
        pieces.append(piece)
    return b"".join(pieces)


async def test_no_more_is_read_than_the_fields_before_the_file() -> None:
    pieces = [HEAD[:30], HEAD[30:], *REST, form(b"\r\n")]
    client = Client(*pieces)
    upload = await begin(client, content_length=b"%d" % len(b"".join(pieces)))
    assert upload.asked == Asked(model="whisper-1", stream=True)
    assert (client.asked, upload.begun) == (2, False)
    assert upload.size == upload.length == len(b"".join(pieces))
    assert await rest(upload) == b"".join(pieces)


async def test_a_model_behind_the_file_has_all_of_it_read_first() -> None:
    pieces = [SOUND[:500], SOUND[500:], form(MODEL)]
    client = Client(*pieces)
    upload = await begin(client)
    assert upload.asked.model == "whisper-1"
    assert (client.asked, upload.begun, upload.whole) == (3, False, True)
    assert await rest(upload) == b"".join(pieces)


async def test_fields_without_end_have_all_of_it_read_first() -> None:
    many = part("a", b"x" * 900) * (MOST_READ_BEFORE // 900 + 1)
    client = Client(many[:-20], many[-20:], form(MODEL))
    upload = await begin(client)
    assert (client.asked, upload.asked.model) == (3, "whisper-1")


async def test_a_model_in_the_path_is_enough() -> None:
    azure = go("azure-openai", "openai/deployments/whisper/audio/transcriptions")
    client = Client(b"--b\r\n" + FILE, *REST, form(b"\r\n"))
    assert (await begin(client, azure)).asked == Asked()
    assert client.asked == 1


async def test_of_what_costs_nothing_nothing_is_read() -> None:
    client = Client(b"any", b"", b"thing")
    upload = await begin(client, FILES)
    assert client.asked == 0
    assert await rest(upload) == b"anything"


@pytest.mark.parametrize("late", [MODEL, part("stream", b"false"), b"x--b", b"--b--\r\nx"])
async def test_what_is_found_late_stops_the_form_before_its_end(late: bytes) -> None:
    end = b"\r\n" + form(late)
    upload = await begin(Client(HEAD, *REST, end[:-5], end[-5:]))
    for _ in (HEAD, *REST):
        await upload.read()
    with pytest.raises(NotReadable):
        await rest(upload)  # of the last two pieces at most one went out


async def test_a_form_that_does_not_end_is_not_handed_on_to_its_end() -> None:
    upload = await begin(Client(HEAD, *REST))
    with pytest.raises(NotReadable):
        await rest(upload)


async def test_the_limits_of_a_body_hold() -> None:
    with pytest.raises(BodyTooLarge):
        await begin(Client(HEAD), content_length=b"%d" % (MAX_BODY + 1))
    with pytest.raises(CodedBody):
        await begin(Client(HEAD), content_encoding=b"gzip")
    upload = await begin(Client(HEAD, *[b"x" * (1024 * 1024)] * 21))
    with pytest.raises(BodyTooLarge):
        await rest(upload)
    with pytest.raises(BodyTooLarge):
        await begin(Client(SOUND[:-2], *[b"x" * (1024 * 1024)] * 21))


async def test_who_leaves_on_the_way_has_left() -> None:
    upload = await begin(Client(HEAD, *REST, leaves=True))
    with pytest.raises(ClientLeft):
        await rest(upload)
    with pytest.raises(ClientLeft):
        await begin(Client(MODEL, MODEL, leaves=True))


# Up to the vendor.


class Pieces:
    """A body that comes piece by piece."""

    def __init__(self, pieces: Iterator[bytes], length: int | None = None) -> None:
        self.length = length
        self.taken = 0
        self._pieces = pieces

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        self.taken += 1
        return next(self._pieces, b"")


async def test_a_body_of_known_length_goes_as_it_comes_and_the_connection_is_kept() -> None:
    async with vendor(says(plain())) as there, calling() as upstream:
        for _ in range(2):
            body = Pieces(iter([b"abc", b"def"]), 6)
            await whole(await upstream.send(there.origin, "POST", b"/", [], body))
    assert [each.body for each in there.requests] == [b"abcdef"] * 2
    assert b"\r\ncontent-length: 6\r\n" in there.requests[0].head
    assert there.connections == 1


async def test_a_body_of_unknown_length_goes_in_chunks() -> None:
    seen: list[bytes] = []

    async def read(exchange: Exchange) -> None:
        seen.append(await exchange.reader.readuntil(b"0\r\n\r\n"))
        await exchange.send(plain())

    async with vendor(read) as there, calling() as upstream:
        for _ in range(2):
            body = Pieces(iter([b"abc", b"d" * 20]))
            await whole(await upstream.send(there.origin, "POST", b"/", [], body))
    assert seen == [b"3\r\nabc\r\n14\r\n" + b"d" * 20 + b"\r\n0\r\n\r\n"] * 2
    assert b"\r\ntransfer-encoding: chunked\r\n" in there.requests[0].head
    assert b"content-length" not in there.requests[0].head
    assert there.connections == 1


async def test_no_more_is_taken_than_the_vendor_reads() -> None:
    async def idle(_: Exchange) -> None:
        await asyncio.sleep(60)

    body = Pieces(iter([b"x" * 65536] * 1000), 65536 * 1000)
    limits = Limits(first_byte=0.5)
    async with vendor(idle, reads_bodies=False) as there, calling(limits) as upstream:
        with pytest.raises(UpstreamError) as late:
            await upstream.send(there.origin, "POST", b"/", [], body)
    assert (late.value.code, late.value.sent) == ("upstream-timeout", True)
    assert body.taken < 200  # what sockets hold; a second sender would double it


async def test_an_answer_that_comes_before_the_bodys_end_is_the_answer() -> None:
    never = asyncio.Event()

    class Endless(Pieces):
        async def read(self) -> bytes:
            piece = await super().read()
            if not piece:
                await never.wait()
            return piece

    async with (
        vendor(says(plain(b"too big")), reads_bodies=False) as there,
        calling() as upstream,
        asyncio.timeout(5),
    ):
        body = Endless(iter([b"abc"]), 1000)
        answer = await upstream.send(there.origin, "POST", b"/", [], body)
        assert await whole(answer) == b"too big"
        await there.until_open(0)  # the rest of the body would be taken for a request


@pytest.mark.parametrize("error", [ClientLeft, NotReadable, BodyTooLarge])
async def test_a_body_that_breaks_off_ends_the_request(error: type[Exception]) -> None:
    def broken() -> Iterator[bytes]:
        yield b"abc"
        raise error

    async with vendor(says(plain())) as there, calling() as upstream:
        with pytest.raises(error):
            await upstream.send(there.origin, "POST", b"/", [], Pieces(broken(), 6))
        await there.until_open(0)
    assert not there.requests  # it was not whole


async def test_a_caller_that_leaves_while_the_body_comes_closes_the_connection() -> None:
    never = asyncio.Event()

    class Silent(Pieces):
        async def read(self) -> bytes:
            await never.wait()
            return b""

    async with vendor(says(plain())) as there, calling() as upstream:
        body = Silent(iter(()), 6)
        call = asyncio.create_task(upstream.send(there.origin, "POST", b"/", [], body))
        await there.until_open(1)
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await there.until_open(0)
