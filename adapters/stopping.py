"""How a process without a server of its own is told to stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType


def told_to_stop() -> threading.Event:
    """Set by SIGTERM and SIGINT from now on; call it in the main thread."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return stop
