"""Vendors that are not well, each a simulator of its own: one that comes and goes."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from adapters.simulator import started


@dataclass
class Flapping:
    """A vendor at one address that is there for a while, then away, again and again."""

    port: int
    up: tuple[float, float]  # seconds, at least and at most
    down: tuple[float, float]
    seed: int = 1
    flaps: int = 0  # so often it has gone away
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[Flapping]:
        """It flaps while the block lasts."""
        thread = threading.Thread(target=self._flap, name="flapping")
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()

    def _flap(self) -> None:
        dice = random.Random(self.seed)
        while not self._over.is_set():
            with started(port=self.port):
                self._over.wait(dice.uniform(*self.up))
            self.flaps += 1
            self._over.wait(dice.uniform(*self.down))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
