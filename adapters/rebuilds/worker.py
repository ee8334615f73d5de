"""A process that rebuilds a share of the views: `python -m adapters.rebuilds.worker`.

Orders come on its standard input, one line each: what to do, and perhaps later to leave it.
When that input ends, whoever began the process is gone, and it ends at once: what it has
not replaced stands as it stood. What it has to tell are lines of JSON on its standard
output, `Told` each.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from typing import BinaryIO

import orjson
from pydantic import TypeAdapter

from adapters.garbage import spare_what_is_loaded
from adapters.parking import EventIsPoison
from adapters.postgres.view_copy import Difference, RebuildIsRunning
from adapters.rebuilds.together import rebuild_together
from domain.errors import BadSetup, ConcurrentChange, Unavailable
from domain.parking import ProjectionParked

CHUNK = 65536


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be rebuilt, or only checked."""

    url: str
    views: list[str]
    check: bool


@dataclass(frozen=True, kw_only=True)
class Told:
    """How far it is, what it found in the end, or why there is no end."""

    done: int = 0
    total: int = 0
    found: dict[str, Difference] | None = None
    poison: ProjectionParked | None = None
    failed: str | None = None  # the kind, one of `KINDS`
    why: str = ""


KINDS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (BadSetup, ConcurrentChange, RebuildIsRunning, Unavailable)
}
READ_TOLD = TypeAdapter(Told)
_READ_ORDER = TypeAdapter(Order)


class _LeftError(Exception):
    """We are told to leave it."""


class Teller:
    """Says what there is to say, and breaks off once it is told to."""

    def __init__(self, output: BinaryIO, leave: threading.Event) -> None:
        self._output = output
        self._leave = leave

    def progress(self, done: int, total: int) -> None:
        if self._leave.is_set():
            raise _LeftError
        self.tell(Told(done=done, total=total))

    def tell(self, told: Told) -> None:
        self._output.write(orjson.dumps(told) + b"\n")
        self._output.flush()


def main() -> None:
    """Carry out the order, and tell of it."""
    # Nothing behind the line is read: the rest is for the one who listens.
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as orders:
        order = _READ_ORDER.validate_json(orders.readline())
    leave = threading.Event()
    threading.Thread(target=_listen, args=(leave,), daemon=True).start()
    teller = Teller(sys.stdout.buffer, leave)
    spare_what_is_loaded()
    try:
        found = rebuild_together(
            order.url, order.views, check=order.check, progress=teller.progress
        )
    except _LeftError:
        return
    except EventIsPoison as poison:
        teller.tell(Told(poison=poison.parked))
    except tuple(KINDS.values()) as error:
        teller.tell(Told(failed=type(error).__name__, why=str(error)))
    else:
        teller.tell(Told(found=found))


def _listen(leave: threading.Event) -> None:
    """Straight from the descriptor: the interpreter ends while this still reads."""
    while os.read(sys.stdin.fileno(), CHUNK):
        leave.set()
    os._exit(1)


if __name__ == "__main__":
    main()
