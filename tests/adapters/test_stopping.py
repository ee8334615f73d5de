"""Being told to stop: at whatever moment, and however often."""

from __future__ import annotations

import subprocess
import sys

LEAVE_SECONDS = 30  # of a machine with much else to do

# Both signals come at every line of the library's code that the main thread is in.
WAITS = """
import signal, sys, threading
from adapters.stopping import told_to_stop

stop = told_to_stop()

def told_at_every_line(frame, event, argument):
    if frame.f_code.co_filename != threading.__file__:
        return None
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    return told_at_every_line

sys.settrace(told_at_every_line)
stop.wait()
sys.settrace(None)
print("stopped")
"""


def test_signals_stop_a_process_wherever_its_main_thread_is_just_then() -> None:
    command = [sys.executable, "-c", WAITS]
    told = subprocess.run(command, capture_output=True, timeout=LEAVE_SECONDS, check=True)
    assert told.stdout == b"stopped\n"
