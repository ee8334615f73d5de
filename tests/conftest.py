"""What every test may ask for: the fixtures are in the plugins named here.

CLAWBOT_REQUIRE_SERVICES=1 (CI) makes a skip a failure; CLAWBOT_SOAK=1 (`make soak`) makes
hypothesis look longer.
"""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.no_skips",
    "tests.databases",
    "tests.servers",
    "tests.journeys.data_plane",
    "tests.engine.dockerd",
    "pytester",
]

# No deadline: the machine is shared, and a slow example is not a wrong one.
settings.register_profile("quick", deadline=None, max_examples=25)
settings.register_profile("soak", deadline=None, max_examples=1000)
settings.load_profile("soak" if os.environ.get("CLAWBOT_SOAK") else "quick")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def free_port() -> int:
    """A TCP port of the loopback address that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
