"""Feeds a log to projectors and policies, in order, from where each left off.

Pages hold up to `PAGE` events. Followers of one log that stand at the same position share
the decoded page, so that ten views do not decode every event ten times.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Protocol

from application.event_log import EventLog
from domain.log import Page
from projections.view import Projector, View

PAGE = 1000
KEPT_PAGES = 4
POLICY_VERSION = 1  # what policies asked for stays asked for: they are never begun anew


class Reader:
    """The pages of one log, decoded once for all who ask for the same ones."""

    def __init__(self, event_log: EventLog, *, size: int = PAGE) -> None:
        self._event_log = event_log
        self._size = size
        self._pages: OrderedDict[int, Page] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._event_log.name

    def head(self) -> int:
        """The position of the log's last event."""
        return self._event_log.head()

    def page(self, after: int, *, upto: int | None = None) -> Page:
        """What the log holds behind `after`: at most a page, and not past `upto`."""
        with self._lock:
            page = self._pages.get(after)
            if page is None or (upto is not None and page.upto > upto):
                page = self._event_log.page(after=after, limit=self._size, upto=upto)
                if len(page.events) == self._size:  # a full page never changes
                    self._pages[after] = page
                    while len(self._pages) > KEPT_PAGES:
                        self._pages.popitem(last=False)
            return page

    def piece(self, after: int, size: int) -> Page:
        """The next `size` events, for one follower that goes alone."""
        return self._event_log.page(after=after, limit=size)

    def next_position(self, after: int) -> int:
        """Where the next event is, whether or not it can be read."""
        return self._event_log.next_position(after)


class Follower(Protocol):
    """What moves along one or more logs."""

    name: str
    logs: tuple[str, ...]
    version: int

    def position(self, log: str) -> int: ...

    def take(self, page: Page) -> None:
        """Everything in the page is done, and the position is its end."""


class ViewFollower:
    """A projector and the view that it fills."""

    def __init__(self, projector: Projector[Any], view: View[Any]) -> None:
        self.name = projector.name
        self.logs = projector.logs
        self.version = projector.version
        self.projector = projector
        self.view = view

    def position(self, log: str) -> int:
        return self.view.position(log)

    def take(self, page: Page) -> None:
        self.view.advance(self.projector, page)


class Policy(Protocol):
    """What asks for things to be done; at least once."""

    name: str
    logs: tuple[str, ...]

    def react(self, page: Page) -> None: ...


class Positions(Protocol):
    """Where followers without a view keep their place."""

    def position(self, name: str, log: str) -> int: ...

    def move(self, name: str, page: Page) -> None: ...


class PolicyFollower:
    """A policy and its place in the log, which moves after it has asked."""

    def __init__(self, policy: Policy, positions: Positions) -> None:
        self.name = policy.name
        self.logs = policy.logs
        self.version = POLICY_VERSION
        self._policy = policy
        self._positions = positions

    def position(self, log: str) -> int:
        return self._positions.position(self.name, log)

    def take(self, page: Page) -> None:
        self._policy.react(page)
        self._positions.move(self.name, page)


def catch_up(follower: Follower, reader: Reader, *, upto: int | None = None) -> int:
    """Take all that is recorded by now, or up to a position; the position reached."""
    position = follower.position(reader.name)
    while (page := reader.page(position, upto=upto)).upto > position:
        follower.take(page)
        position = page.upto
    return position
