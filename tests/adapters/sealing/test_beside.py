"""The sealer's process lives and dies with the projector, and is started again alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.adapters.jobs.given import eventually, running, settings_of
from tests.adapters.sealing.given import ask, whole, write


def sealers_of(parent: int) -> list[int]:
    """The processes of this parent that seal."""
    listed = Path(f"/proc/{parent}/task").glob("*/children")
    return [
        int(child)
        for children in listed
        for child in children.read_text().split()
        if b"adapters.sealing.beside" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def everything_is_sealed(url: str) -> bool:
    query = (
        "SELECT size = (SELECT count(*) FROM fleet_events) + "
        "(SELECT count(*) FROM calls_events) FROM log_state"
    )
    return ask(url, query) == [(True,)]


@contextmanager
def a_projector(url: str, folder: Path) -> Iterator[int]:
    with running("projector", settings_of(url, folder)) as process:
        yield process.pid
        process.kill()
        process.wait()


def test_the_projector_seals_by_a_process_that_ends_with_it(
    database_url: str, tmp_path: Path
) -> None:
    write(database_url)
    with a_projector(database_url, tmp_path) as projector:
        eventually(lambda: everything_is_sealed(database_url))
        (first,) = sealers_of(projector)
        assert database_url.encode() not in Path(f"/proc/{first}/cmdline").read_bytes()
        os.kill(first, signal.SIGKILL)
        write(database_url, seed=2, fleet=False)
        eventually(lambda: everything_is_sealed(database_url))
        (second,) = sealers_of(projector)
        assert second != first
    eventually(lambda: not Path(f"/proc/{second}").exists())  # killed, it told nobody
    whole(database_url)
