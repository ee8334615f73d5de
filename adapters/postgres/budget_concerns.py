"""What a batch is about, and what it does: scopes, windows, and how balances move."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from adapters.postgres.binary_array import (
    bigint_array,
    text_array,
    time_array,
    uuid_array,
)
from domain.budgets import Extension, Wants
from domain.calls import CallAbandoned, CallCorrected, CallEnding, CallSettled
from domain.holds import Booking, Hold
from domain.places import AnyOf

Asked = Wants | AnyOf | Extension | CallEnding
Window = tuple[int, datetime]  # a `WindowId` by number: a UUID is hashed by Python code


@lru_cache(maxsize=1024)  # of few quotas, again and again
def written(windows: tuple[Window, ...]) -> tuple[bytes, bytes]:
    """The quotas of these windows, and their starts, as arrays in binary."""
    return (
        uuid_array([UUID(int=quota) for quota, _ in windows]),
        time_array([start for _, start in windows]),
    )


class Moves:
    """What a batch does to balances: how much more each of them has held, and settled."""

    def __init__(self) -> None:
        self.by_window: dict[Window, tuple[int, int]] = {}

    def put(self, window: Window, *, held: int, settled: int) -> None:
        """So much more, or less, in a window of which nothing is said yet."""
        self.by_window[window] = held, settled

    def add(self, booking: Booking) -> None:
        """What a call's end does besides."""
        window = booking.quota_id.int, booking.window_start
        held, settled = self.by_window.get(window, (0, 0))
        self.by_window[window] = held - booking.released, settled + booking.settled

    def parameters(self) -> tuple[bytes, ...]:
        """As `write_calls` takes them, in binary."""
        moves = self.by_window.values()
        return (
            *written(tuple(self.by_window)),
            bigint_array([held for held, _ in moves]),
            bigint_array([settled for _, settled in moves]),
        )


@dataclass(slots=True)
class Concerns:
    """What a batch is about: scopes whose quotas of now are asked, and windows besides."""

    keys: set[str] = field(default_factory=set)
    windows: set[Window] = field(default_factory=set)
    extends: bool = False

    def parameters(self) -> tuple[bytes, ...]:
        """As `lock_budgets` takes them, in binary."""
        return text_array(sorted(self.keys)), *written(tuple(self.windows))


def concerns_of(batch: Iterable[Asked | None]) -> Concerns:
    """What these are about, taken together."""
    concerns = Concerns()
    windows, last = concerns.windows, None
    for asked in batch:
        held: Iterable[Hold | Booking] = ()
        match asked:
            case None:
                continue
            case CallSettled() | CallAbandoned() | CallCorrected():
                held = asked.bookings
            case Extension():
                held, concerns.extends = asked.holds, True
                concerns.keys.update(asked.scope_keys)
            case _:
                keys = asked.scope_keys()
                if keys is not last:  # many calls of one bot have the very same
                    concerns.keys.update(keys)
                    last = keys
        for one in held:
            windows.add((one.quota_id.int, one.window_start))
    return concerns
