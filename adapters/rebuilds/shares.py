"""Which views go together, where several processes rebuild them.

Every process decodes the log by itself: to hand decoded events on takes longer than to
decode them once more (35 µs against 13 µs, Python 3.11). So a process needs enough to do
with a page to be worth it, and there are few of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from adapters.bootstrap.followers import VIEWS
from domain.log import CALLS

MOST = 4  # with more, the log is decoded for a view or two
MUCH = 200_000  # positions to be read, some 3 s of work; a process starts in one
# How long the views of calls take of an event, ours and PostgreSQL's work, beside each
# other. Views of the fleet log read little; one that is not named here is a middling one.
_WORK: Mapping[str, int] = {
    "usage_rollup": 37,
    "call_log": 31,
    "past_calls": 24,
    "audit_trail": 20,
    "routing_statistics": 13,
    "key_health": 6,
}
_MIDDLING = 20


def useful_processes(positions: int) -> int:
    """As many as CPUs that we may run on, if so much is to be read; else one."""
    cpus = len(os.sched_getaffinity(0))
    return min(cpus, MOST) if positions >= MUCH else 1


def shares_of(views: Sequence[str], processes: int) -> list[list[str]]:
    """The views in so many shares or fewer, none of them empty, about as heavy each."""
    shares: list[list[str]] = [[] for _ in range(min(processes, len(views)))]
    for view in sorted(views, key=_work, reverse=True):
        min(shares, key=lambda share: sum(map(_work, share))).append(view)
    return shares


def _work(view: str) -> int:
    if CALLS in VIEWS[view][0].logs:
        return _WORK.get(view, _MIDDLING)
    return 1
