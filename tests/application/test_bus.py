"""The bus: tries again when another writer was first, and gives up in the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from application.bus import ATTEMPTS, Bus, Command
from domain.errors import ConcurrentChange, NotFound
from tests.application.fleet import ALICE


@dataclass(frozen=True, kw_only=True)
class Try(Command[int]):
    succeeds_at: int


class Units:
    """Counts units of work that were kept and rolled back."""

    def __init__(self) -> None:
        self.kept = 0
        self.rolled_back = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.rolled_back += 1
            raise
        self.kept += 1


def bus_with(units: Units) -> Bus:
    attempts = [0]

    def handler(command: Try) -> int:
        attempts[0] += 1
        if attempts[0] < command.succeeds_at:
            raise ConcurrentChange
        return attempts[0]

    bus = Bus(units)
    bus.register(Try, handler)
    return bus


def test_a_handler_runs_again_after_another_writer() -> None:
    units = Units()
    assert bus_with(units).handle(Try(succeeds_at=3), by=ALICE) == 3
    assert (units.kept, units.rolled_back) == (1, 2)


def test_it_gives_up_in_the_end() -> None:
    units = Units()
    with pytest.raises(ConcurrentChange):
        bus_with(units).handle(Try(succeeds_at=ATTEMPTS + 1), by=ALICE)
    assert (units.kept, units.rolled_back) == (0, ATTEMPTS)


def test_a_refusal_is_not_tried_again_and_rolls_back() -> None:
    units = Units()
    bus = Bus(units)

    def refuse(_: Try) -> int:
        raise NotFound

    bus.register(Try, refuse)
    with pytest.raises(NotFound):
        bus.handle(Try(succeeds_at=1), by=ALICE)
    assert (units.kept, units.rolled_back) == (0, 1)
