"""One simulator for a module's tests, with an empty ledger for each."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from adapters.simulator import Started, started
from tests.adapters.simulator.given import Vendor


@pytest.fixture(scope="module")
def simulator() -> Iterator[Started]:
    with started() as running:
        yield running


@pytest.fixture(scope="module")
def client(simulator: Started) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.url, timeout=20) as client:
        yield client


@pytest.fixture
def vendor(simulator: Started, client: httpx.Client) -> Vendor:
    client.delete("/ledger")
    return Vendor(simulator.url, client)
