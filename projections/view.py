"""What a view is: rows, and how far it has read, moved on together or not at all.

A projector says which row an event touches and what the row is afterwards; a view stores
rows. Pages of events are folded in memory and stored in one transaction with the position
they reach, so that every event counts exactly once, whatever is killed when.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping
from typing import ClassVar, Generic, Protocol, TypeVar

from domain.events import Event, Recorded
from domain.log import Page, Placed


class Row(Protocol):
    """A frozen dataclass; `KEY` names the fields that tell its rows apart, in order."""

    KEY: ClassVar[tuple[str, ...]]


RowT = TypeVar("RowT", bound=Row)

Key = tuple[Hashable, ...]


class Projector(ABC, Generic[RowT]):
    """Turns events into rows; pure."""

    name: ClassVar[str]  # of the view and its table; stands in stored positions
    logs: ClassVar[tuple[str, ...]]
    row: ClassVar[type[Row]]
    # Count it up when the same events are to give other rows: what is stored is then folded
    # anew beside the old rows, which are served until the new ones take their place.
    version: ClassVar[int] = 1
    appends: ClassVar[bool] = (
        False  # every event it keeps makes a row that no other touches
    )

    @abstractmethod
    def key(self, placed: Placed) -> Key | None:
        """The key of the row that the event touches; None if it touches none."""

    @abstractmethod
    def project(self, row: RowT | None, placed: Placed) -> RowT | None:
        """The row after the event; None if there is none any more."""

    def fold(self, page: Page, rows: Mapping[Key, RowT]) -> dict[Key, RowT | None]:
        """The rows that the page changes, as they are after it; None for removed ones."""
        changed: dict[Key, RowT | None] = {}
        for placed in page.events:
            key = self.key(placed)
            if key is not None:
                before = changed[key] if key in changed else rows.get(key)
                changed[key] = self.project(before, placed)
        return changed

    def keys(self, page: Page) -> set[Key]:
        """The keys of all rows that the page touches."""
        return {key for placed in page.events if (key := self.key(placed)) is not None}


class View(ABC, Generic[RowT]):
    """Rows under their keys, and the position of each log they were folded from."""

    @abstractmethod
    def position(self, log: str) -> int:
        """How far the view has read the log."""

    @abstractmethod
    def advance(self, projector: Projector[RowT], page: Page) -> None:
        """Store what the page changes together with its end, or nothing.

        Raises `ConcurrentChange` if the view is no longer where the page begins.
        """


def row_of(
    projector: Projector[RowT], log: str, history: Iterable[Recorded[Event]]
) -> RowT | None:
    """The row that one stream's history gives: what the view will show, never behind."""
    row: RowT | None = None
    for recorded in history:
        placed = Placed(log=log, position=recorded.originator_version, recorded=recorded)
        if projector.key(placed) is not None:
            row = projector.project(row, placed)
    return row
