"""How much memory our own PostgreSQL takes for its pages."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from adapters.postgres.memory_share import LEAST_MB, MOST_MB, buffers_mb


@pytest.mark.parametrize(
    ("limit", "megabytes"),
    [("2147483648\n", 256), ("536870912\n", LEAST_MB), ("1\n", LEAST_MB)],
)
def test_it_is_an_eighth_of_what_the_container_may_use(
    limit: str, megabytes: int, tmp_path: Path
) -> None:
    (tmp_path / "memory.max").write_text(limit)
    assert buffers_mb(tmp_path / "memory.max") == megabytes


def test_without_a_limit_it_is_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    of_machine = buffers_mb(tmp_path / "memory.max")
    assert LEAST_MB <= of_machine <= MOST_MB
    assert buffers_mb(tmp_path / "none") == of_machine


def test_the_server_has_it(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT setting::bigint * 8192 / 1048576 FROM pg_settings "
            "WHERE name = 'shared_buffers'"
        ).fetchone()
    assert row == (buffers_mb(),)
