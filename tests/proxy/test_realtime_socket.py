"""One side of a session: what is a message, what ends it, however its bytes are cut."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.protocol import Side

from proxy.realtime.socket import Ended, Said, Socket
from tests.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, closing, frame

pytestmark = pytest.mark.anyio


@dataclass
class Wire:
    """A line that brings these pieces and then ends, or stays silent."""

    pieces: list[bytes] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    ends: bool = True

    async def read(self) -> bytes:
        if self.pieces:
            return self.pieces.pop(0)
        if not self.ends:
            await asyncio.Event().wait()
        return b""

    async def write(self, data: bytes) -> None:
        self.sent.append(data)


async def heard(
    *pieces: bytes, side: Side = Side.SERVER, message_bytes: int = 1000
) -> tuple[list[Said], Ended | None, Wire]:
    """All messages, how it ended, and the line with what was answered on it."""
    wire = Wire(list(pieces))
    socket = Socket(wire, side, message_bytes=message_bytes)
    messages = []
    while (said := await socket.receive()) is not None:
        messages.append(said)
    return messages, socket.ended, wire


MESSAGES = st.lists(
    st.tuples(
        st.booleans(),
        st.lists(st.binary(max_size=200), min_size=1, max_size=4),
        st.lists(st.sampled_from([PING, PONG]), max_size=2),
    ),
    max_size=6,
)


@given(MESSAGES, st.data(), st.booleans())
def test_messages_are_read_alike_however_they_are_cut(
    messages: list[tuple[bool, list[bytes], list[int]]],
    data: st.DataObject,
    masked: bool,  # noqa: FBT001
) -> None:
    stream, pings = b"", 0
    for text, parts, controls in messages:
        for place, part in enumerate(parts):
            opcode = CONT if place else TEXT if text else BINARY
            fin = place == len(parts) - 1
            stream += frame(opcode, part, fin=fin, masked=masked)
            if not fin:
                stream += b"".join(frame(one, b"!", masked=masked) for one in controls)
                pings += controls.count(PING)
    stream += closing(1000, b"bye", masked=masked)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    edges = [0, *cuts, len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(edges) if a < b]
    side = Side.SERVER if masked else Side.CLIENT
    found, ended, wire = asyncio.run(heard(*pieces, side=side, message_bytes=1 << 20))
    assert found == [Said(text, b"".join(parts)) for text, parts, _ in messages]
    assert ended == Ended(code=1000, reason="bye", by_close=True)
    if not masked:
        return
    answers = b"".join(wire.sent)  # but those that came with the Close wait with its own
    pong = frame(PONG, b"!", masked=False)
    assert answers == pong * answers.count(pong)
    assert answers.count(pong) <= pings


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_break_it(stream: bytes, client: bool) -> None:  # noqa: FBT001
    side = Side.CLIENT if client else Side.SERVER
    messages, ended, _ = asyncio.run(heard(stream, side=side))
    assert ended is not None
    assert sum(len(said.data) for said in messages) <= len(stream)


BROKEN = {
    "an unmasked frame": (frame(TEXT, b"a", masked=False), 1002),
    "the first reserved bit": (frame(TEXT, b"a", rsv=4), 1002),
    "the second reserved bit": (frame(TEXT, b"a", rsv=2), 1002),
    "the third reserved bit": (frame(TEXT, b"a", rsv=1), 1002),
    "an unknown opcode": (frame(0x3, b"a"), 1002),
    "an unknown control opcode": (frame(0xB, b"a"), 1002),
    "a ping of 126 bytes": (frame(PING, b"a" * 126), 1002),
    "a ping in fragments": (frame(PING, b"a", fin=False), 1002),
    "a continuation of nothing": (frame(CONT, b"a"), 1002),
    "a message within a message": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
    "a Close of one byte": (frame(CLOSE, b"\x03"), 1002),
    "a Close with a code of nobody's": (closing(1005), 1002),
    "a Close whose reason is no text": (closing(1000, b"\xff"), 1007),
    "a Close within a message": (frame(TEXT, b"a", fin=False) + closing(1000), 1002),
    "a frame beyond the limit": (frame(TEXT, b"", size=1001), 1009),
    "a frame of 2^63 bytes": (frame(TEXT, b"", size=(1 << 63) - 1), 1009),
    "a message beyond the limit": (
        frame(TEXT, b"a" * 900, fin=False) + frame(CONT, b"", size=101),
        1009,
    ),
}


@pytest.mark.parametrize(("sent", "code"), BROKEN.values(), ids=BROKEN)
async def test_who_breaks_a_rule_has_ended_and_what_follows_is_not_read(
    sent: bytes, code: int
) -> None:
    messages, ended, _ = await heard(frame(TEXT, b"fine") + sent + frame(TEXT, b"late"))
    assert messages == [Said(text=True, data=b"fine")]
    assert ended == Ended(code=code)


async def test_a_vendors_masked_frame_is_refused() -> None:
    _, ended, _ = await heard(frame(TEXT, b"a"), side=Side.CLIENT)
    assert ended == Ended(code=1002)


async def test_a_line_that_ends_without_a_close_is_gone() -> None:
    for sent in (b"", frame(TEXT, b"abc")[:-1], frame(TEXT, b"a", fin=False)):
        _, ended, _ = await heard(*([sent] if sent else []))
        assert ended is not None
        assert ended.gone


async def test_the_answer_to_a_close_waits_until_it_is_asked_for() -> None:
    wire = Wire([closing(4000, b"mine")])
    socket = Socket(wire, Side.SERVER)
    assert await socket.receive() is None
    await socket.send(Said(text=True, data=b"too late"))
    await socket.ping()
    assert wire.sent == []
    await socket.close(1001)
    assert wire.sent == [closing(4000, b"mine", masked=False)]
    await socket.close(1001)
    assert len(wire.sent) == 1


async def test_who_breaks_a_rule_is_told_so_when_it_is_closed() -> None:
    wire = Wire([frame(TEXT, b"a", masked=False)])
    socket = Socket(wire, Side.SERVER)
    assert await socket.receive() is None
    assert wire.sent == []
    await socket.close(1001)
    assert wire.sent[0][2:4] == (1002).to_bytes(2, "big")


async def test_nothing_is_sent_behind_a_close() -> None:
    wire = Wire(ends=False)
    socket = Socket(wire, Side.SERVER)
    await socket.close(1001, "going")
    await socket.send(Said(text=True, data=b"a"))
    await socket.ping()
    assert wire.sent == [closing(1001, b"going", masked=False)]


async def test_what_goes_to_a_vendor_is_masked_by_a_key_of_its_own() -> None:
    wire = Wire(ends=False)
    socket = Socket(wire, Side.CLIENT)
    for _ in range(2):
        await socket.send(Said(text=True, data=b"hello"))
    first, second = wire.sent
    assert first[:2] == second[:2] == b"\x81\x85"
    assert first[2:6] != second[2:6]
    key, hidden = first[2:6], first[6:]
    assert bytes(a ^ key[n % 4] for n, a in enumerate(hidden)) == b"hello"


FEWEST_TURNS = 10


async def test_a_piece_full_of_tiny_frames_lets_others_have_their_turn() -> None:
    wire = Wire([frame(BINARY) * 200_000])  # half a second of work
    socket = Socket(wire, Side.SERVER)
    reading = asyncio.create_task(socket.receive())
    loop = asyncio.get_running_loop()
    turns = []
    while not reading.done():
        began = loop.time()
        await asyncio.sleep(0)
        turns.append(loop.time() - began)
    assert await reading == Said(text=False, data=b"")
    assert len(turns) > FEWEST_TURNS, max(turns)
