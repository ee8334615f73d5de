"""Garbage as the processes collect it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.garbage import spare_what_is_loaded


@contextmanager
def as_in_a_process_of_its_own() -> Iterator[None]:
    """Garbage is collected as where this is run, not as a test's is."""
    thresholds = gc.get_threshold()
    spare_what_is_loaded()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
