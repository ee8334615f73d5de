"""What a batch is about, and what it does: scopes, windows, and how balances move."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from adapters.postgres.binary_array import (
    bigint_array,
    text_array,
    time_array,
    uuid_array,
)
from domain.budgets import Budget, Extension, Wants
from domain.calls import CallAbandoned, CallCorrected, CallEnding, CallSettled
from domain.holds import Booking, Hold, WindowId
from domain.places import AnyOf

Asked = Wants | AnyOf | Extension | CallEnding
Window = tuple[int, datetime]  # a `WindowId` by number: a UUID is hashed by Python code


@dataclass(slots=True)
class Move:
    """What a batch does to one balance."""

    window: WindowId
    held: int = 0
    settled: int = 0


@dataclass
class Moves:
    """What a batch does to balances."""

    by_window: dict[Window, Move] = field(default_factory=dict)

    def add(self, of: Budget | Booking, *, held: int, settled: int) -> None:
        """So much more, or less."""
        key = of.quota_id.int, of.window_start
        move = self.by_window.get(key)
        if move is None:
            move = self.by_window[key] = Move(of.window)
        move.held += held
        move.settled += settled

    def parameters(self) -> tuple[bytes, bytes, bytes, bytes]:
        """As `write_calls` takes them, in binary."""
        moves = self.by_window.values()
        return (
            uuid_array([move.window[0] for move in moves]),
            time_array([move.window[1] for move in moves]),
            bigint_array([move.held for move in moves]),
            bigint_array([move.settled for move in moves]),
        )


@dataclass(slots=True)
class Concerns:
    """What a batch is about: scopes whose quotas of now are asked, and windows besides."""

    keys: set[str] = field(default_factory=set)
    windows: dict[Window, WindowId] = field(default_factory=dict)
    extends: bool = False

    def parameters(self) -> tuple[bytes, bytes, bytes]:
        """As `lock_budgets` takes them, in binary."""
        windows = self.windows.values()
        return (
            text_array(sorted(self.keys)),
            uuid_array([quota_id for quota_id, _ in windows]),
            time_array([start for _, start in windows]),
        )


def concerns_of(batch: Iterable[Asked | None]) -> Concerns:
    """What these are about, taken together."""
    concerns = Concerns()
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
                concerns.keys.update(asked.scope_keys())
        for one in held:
            window = one.quota_id.int, one.window_start
            if window not in concerns.windows:
                concerns.windows[window] = one.window
    return concerns
