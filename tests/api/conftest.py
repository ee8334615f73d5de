"""The control plane in memory and on PostgreSQL: most journeys are made on both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.front import Front, front_of
from tests.api.system import in_memory, on_postgres


@pytest.fixture
def front() -> Iterator[Front]:
    """In memory."""
    with front_of(in_memory()) as front:
        yield front


@pytest.fixture
def real(database_url: str) -> Iterator[Front]:
    """On PostgreSQL, under the roles of the processes."""
    with on_postgres(database_url) as system, front_of(system) as front:
        yield front


@pytest.fixture(params=["front", "real"])
def either(request: pytest.FixtureRequest) -> Front:
    """In memory, and once more on PostgreSQL."""
    front: Front = request.getfixturevalue(request.param)
    return front
