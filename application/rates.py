"""How often something may be asked, and who counts it, as a role; adapters play it.

What is counted is counted for all processes together; how exactly, the adapter says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from domain.errors import LimitReached
from domain.peers import Network


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At most `most` in any `seconds`, for each that asks."""

    name: str
    most: int
    seconds: int = 60
    exact: bool = False  # few, and each is asked about: never one more


class TooOften(LimitReached):
    """This was asked too often: wait as long as Retry-After says."""

    def __init__(self, rate: Rate, *, retry_after_seconds: int) -> None:
        super().__init__(rate.name, retry_after_seconds=retry_after_seconds)
        self.rate = rate


class Rates(Protocol):
    """Counts. Safe to use from threads."""

    def take(self, rate: Rate, who: str) -> bool:
        """Whether it is counted by what is known here, at once; `TooOften`.

        False means that it is not counted yet: `count` has to be asked.
        """

    def count(self, rate: Rate, who: str) -> None:
        """It is counted; `TooOften`. May wait for others, but not for long."""


@dataclass(frozen=True, kw_only=True)
class RequestLimits:
    """How often the control plane may be asked what, and who counts it."""

    rates: Rates
    sign_ins: Rate = Rate(name="sign-in", most=10, exact=True)  # per account and peer
    vendor_asks: Rate = Rate(name="vendor", most=30, exact=True)  # per team
    what_ifs: Rate = Rate(name="what-if", most=20, exact=True)  # each takes seconds
    writes: Rate = Rate(name="write", most=600)  # per user and team
    reads: Rate = Rate(name="read", most=3000)
    requests: Rate = Rate(name="request", most=6000)  # per peer, whoever it is
    shared_peers: tuple[Network, ...] = ()  # many clients come from there
