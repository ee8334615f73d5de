"""A proxy that was only frozen: its calls are abandoned, and corrected when it wakes up."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.postgres.call_lease import LEASE_SECONDS
from domain.calls import CallAbandoned, CallCorrected, CallSettled, CallStatus
from domain.usage import UsageSource
from tests.faults.reckoning import reap_until_closed, reckon, streams_of, views_agree
from tests.journeys.plane import DataPlane, call_id_of, chat_body, new_model
from tests.journeys.proxy_process import until

pytestmark = pytest.mark.timeout(180)


def test_a_call_that_was_abandoned_while_its_proxy_slept_is_corrected(
    own_plane: DataPlane,
) -> None:
    """One long stream; its client waits, and gets it whole, long after the lease."""
    bot, model = own_plane.new_bot(), new_model("+tokens=40+pace=50")
    pieces: list[bytes] = []

    def read() -> str:
        with own_plane.client.stream(
            "POST",
            f"{own_plane.url}/openai/v1/chat/completions",
            json=chat_body(model, stream=True),
            headers=bot.bearer,
        ) as answer:
            pieces.extend(answer.iter_raw())
            return str(call_id_of(answer))

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        until(lambda: bool(pieces))
        own_plane.proxy.send(signal.SIGSTOP)
        try:
            slept = reap_until_closed(own_plane)
            (events,) = streams_of(own_plane).values()
            assert isinstance(events[-1], CallAbandoned)
            assert slept > LEASE_SECONDS / 2
            assert b"[DONE]" not in b"".join(pieces)
        finally:
            own_plane.proxy.send(signal.SIGCONT)
        call_id = reading.result(timeout=20)
    assert b"[DONE]" in b"".join(pieces)
    ((found, events),) = streams_of(own_plane).items()
    assert str(found) == call_id
    _, abandoned, corrected = events
    assert isinstance(abandoned, CallAbandoned)
    assert isinstance(corrected, CallCorrected)
    (booked,) = own_plane.ledger(model)
    assert corrected.before == abandoned.usage
    assert corrected.ended_as is CallStatus.ABANDONED
    assert corrected.now.source is UsageSource.REPORTED
    assert corrected.now.output_tokens == booked["output_tokens"] == 40
    reckon(own_plane, [])
    views_agree(own_plane)


def test_a_proxy_that_slept_goes_on_to_serve_under_a_new_lease(
    own_plane: DataPlane,
) -> None:
    bot = own_plane.new_bot()
    assert own_plane.chat(bot, new_model()).status_code == 200
    own_plane.proxy.send(signal.SIGSTOP)
    time.sleep(LEASE_SECONDS + 1)
    own_plane.proxy.send(signal.SIGCONT)
    until(lambda: own_plane.chat(bot, new_model()).status_code == 200, seconds=5)
    assert isinstance(own_plane.events(bot)[-1].event, CallSettled)
