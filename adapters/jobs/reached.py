"""Whether RabbitMQ takes connections: without it keys' checks and webhooks wait.

Only a connection is tried, as nobody logs in to ask: a broker that is stuck passes for one
that is there, and shows in how far the policies are behind.
"""

from __future__ import annotations

import socket
import threading
import time
from urllib.parse import urlsplit

from application.readiness import Dependency

NAME = "rabbitmq"
CONNECT_SECONDS = 1.0
BELIEVED_SECONDS = 1.0
PORTS = {"amqp": 5672, "amqps": 5671}


class RabbitmqLook:
    """Looks at most once a second, whoever asks; safe to use from threads."""

    def __init__(self, url: str) -> None:
        """`url` may name several brokers, with semicolons between them."""
        self._urls = url.split(";")
        self._lock = threading.Lock()
        self._answers = False
        self._look_at = 0.0  # monotonic

    def look(self) -> Dependency:
        """Whether one of them takes a connection; everything else is served without."""
        with self._lock:
            if time.monotonic() >= self._look_at:
                self._answers = any(map(_takes_connections, self._urls))
                self._look_at = time.monotonic() + BELIEVED_SECONDS
            return Dependency(name=NAME, ready=self._answers, needed=False)


def _takes_connections(url: str) -> bool:
    try:
        parts = urlsplit(url)
        place = (parts.hostname or "localhost", parts.port or PORTS.get(parts.scheme, 5672))
        with socket.create_connection(place, CONNECT_SECONDS):
            return True
    except (OSError, ValueError):
        return False
