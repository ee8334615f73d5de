"""Frames on the wire: what passes, what ends a session, and what is on record by then."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

import pytest

from domain.calls import CallAdmitted, CallSettled
from domain.usage import UsageSource
from tests.frames import CONT, PING, PONG, TEXT, closing, frame
from tests.journeys.proxy_process import until
from tests.wire.conftest import Served
from tests.wire.opening import Open, heard_by_vendor, opened
from tests.wire.raw import listen

LARGEST = 16 * 1024 * 1024
CREATED = b'{"type":"session.created","session":{"model":"m"}}'


def settled(served: Served, session: Open) -> CallSettled:
    """What is on record now, without waiting."""
    return served.plane.only(session.bot, CallSettled)


@pytest.mark.parametrize("step", [1, 7, 1_000_000])
def test_a_message_reaches_the_other_side_however_it_was_cut(
    step: int, port: int, served: Served
) -> None:
    with opened(served, port) as session:
        sent = (
            frame(TEXT, b"a", fin=False)
            + frame(CONT, b"", fin=False)
            + frame(PING, b"?")
            + frame(CONT, b"b" * (70 if step == 1 else 70_000))
        )
        for start in range(0, len(sent), step):
            session.send(sent[start : start + step])
        assert session.frame() == (0x80 | PONG, b"?")
        ((first, said),) = heard_by_vendor(session.vendor, 1)
        assert (first, said.strip(b"b")) == (0x81, b"a")


def test_what_the_vendor_says_comes_without_our_key(port: int, served: Served) -> None:
    with opened(served, port) as session:
        session.vendor.say(frame(TEXT, CREATED, masked=False))
        assert session.frame() == (0x81, CREATED)
        text = b"your key is %s!" % served.secret
        half = len(text) - 10
        session.vendor.say(frame(TEXT, text[:half], fin=False, masked=False))
        session.vendor.say(frame(CONT, text[half:], masked=False))
        first, said = session.frame()
        assert (first, said) == (
            0x81,
            text.replace(served.secret, b"*" * len(served.secret)),
        )
        session.vendor.say(closing(1000, b"bye " + served.secret, masked=False))
        _, reason = session.frame()
        assert served.secret not in reason
        assert reason.endswith(b"bye " + b"*" * len(served.secret))


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, b"a", masked=False), 1002),
        (frame(TEXT, b"a", rsv=4), 1002),
        (frame(PING, b"a" * 126), 1002),
        (frame(0x3, b"a"), 1002),
        (frame(CONT, b"a"), 1002),
        (frame(TEXT, b"", size=LARGEST + 1), 1009),
        (frame(TEXT, b"a", fin=False) + frame(CONT, b"", size=LARGEST), 1009),
    ],
)
def test_a_bot_that_breaks_a_rule_is_closed_with_the_rules_code(
    sent: bytes, code: int, port: int, served: Served
) -> None:
    with opened(served, port) as session:
        session.send(sent)
        assert session.closed() == code
        assert settled(served, session).error == "client-broke-protocol"
        assert listen(session.line).closed
        assert session.vendor.over.wait(5)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (frame(TEXT, b"a"), 1014),  # masked
        (frame(TEXT, b"a", masked=False, rsv=4), 1014),
        (frame(TEXT, b"", masked=False, size=LARGEST + 1), 1014),
        (closing(4001, masked=False), 4001),
        (closing(1001, masked=False), 1001),
    ],
)
def test_the_bot_hears_how_the_vendor_ended_once_that_is_on_record(
    said: bytes, code: int, port: int, served: Served
) -> None:
    with opened(served, port) as session:
        session.vendor.say(said)
        assert session.closed() == code
        end = settled(served, session)
        assert end.http_status == 101
        assert not end.client_left
        assert listen(session.line).closed


def test_a_vendor_that_is_cut_off_is_no_normal_end(port: int, served: Served) -> None:
    with opened(served, port) as session:
        session.vendor.line.shutdown(socket.SHUT_RDWR)
        assert session.closed() == 1014
        assert settled(served, session).error == "upstream-cut"


def test_a_bots_close_is_answered_once_the_end_is_on_record(
    port: int, served: Served
) -> None:
    with opened(served, port) as session:
        session.vendor.say(frame(TEXT, CREATED, masked=False))
        session.frame()
        session.send(closing(1000))
        assert session.closed() == 1000
        end = settled(served, session)
        assert (end.error, end.client_left) == (None, False)
        assert end.usage.source is UsageSource.REPORTED
        assert session.vendor.over.wait(5)
        assert heard_by_vendor(session.vendor, 1)[0][0] == 0x88


@pytest.mark.parametrize("reset", [False, True])
def test_a_bot_that_is_gone_without_a_close_has_left(
    reset: bool,  # noqa: FBT001
    port: int,
    served: Served,
) -> None:
    with opened(served, port) as session:
        if reset:
            linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
            session.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            session.line.close()
        else:
            session.line.shutdown(socket.SHUT_WR)
        served.plane.ended(session.bot)
        assert settled(served, session).client_left
        assert session.vendor.over.wait(5)


def test_a_slow_bot_slows_its_vendor_and_nobody_else(port: int, served: Served) -> None:
    server = next(one for one in served.servers.values() if one.port == port)
    message = frame(TEXT, b'{"type":"x","delta":"%s"}' % (b"a" * 1_000_000), masked=False)
    with opened(served, port) as session:
        before, sent = server.resident_bytes, 0
        session.vendor.line.settimeout(1)
        with suppress(TimeoutError):
            while sent < 200:
                session.vendor.say(message)
                sent += 1
        assert sent < 100  # most of them were never taken from the vendor
        assert server.resident_bytes - before < 64 * 1024 * 1024
    served.plane.ended(session.bot)


def test_the_largest_message_passes_and_the_process_does_not_grow_for_it(
    port: int, served: Served
) -> None:
    server = next(one for one in served.servers.values() if one.port == port)
    data = b"x" * LARGEST
    with opened(served, port) as session:
        before = server.resident_bytes
        highest = before
        session.line.settimeout(None)
        session.send(frame_of(data))
        while len(session.vendor.frames) < LARGEST:
            highest = max(highest, server.resident_bytes)
            time.sleep(0.001)
        assert session.vendor.messages()[0] == (0x82, data)
        assert highest - before < 64 * 1024 * 1024
        session.send(closing(1000))
        assert session.closed() == 1000


def frame_of(data: bytes) -> bytes:
    """A large frame under a mask of zeros."""
    return b"\x82\xff" + len(data).to_bytes(8, "big") + bytes(4) + data


def test_every_admitted_session_has_exactly_one_end(served: Served) -> None:
    def open_and_ended() -> tuple[int, int]:
        events = [one.event for one in served.plane.all_events()]
        admitted = sum(isinstance(event, CallAdmitted) for event in events)
        ended = sum(isinstance(event, CallSettled) for event in events)
        return admitted, ended

    until(lambda: len(set(open_and_ended())) == 1)
    assert open_and_ended()[0] > 0
