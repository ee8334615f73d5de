"""How a process without a server of its own is told to stop."""

from __future__ import annotations

import signal
import threading
from queue import SimpleQueue
from types import FrameType


def told_to_stop() -> threading.Event:
    """Set by SIGTERM and SIGINT from now on; call it in the main thread.

    A signal's handler runs between any two steps of the main thread, even where that holds
    the event's own lock in `wait`, or in the handler of another signal: setting the event
    there could wait for ever. A `SimpleQueue` may be put to at any moment.
    """
    stop, asked = threading.Event(), SimpleQueue[int]()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        asked.put(number)

    def pass_on() -> None:
        asked.get()
        stop.set()

    threading.Thread(target=pass_on, name="told-to-stop", daemon=True).start()
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return stop
