"""The ledger test: two proxies and one vendor, and both sides' books compared call by call.

Every way to ask, and every way in which an answer can go wrong, through two processes on
one database. What the vendor has stated we have to the token; where it has not, we say so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from domain.calls import CallAdmitted
from domain.usage import Usage, UsageSource
from tests.faults.load import FAILING, KINDS, Load
from tests.faults.reckoning import (
    Streams,
    asked_model,
    final,
    is_uncut,
    reap_until_closed,
    reckon,
    streams_of,
    tell,
    views_agree,
)
from tests.journeys.plane import DataPlane

SEED = 20261122
SHARE_OFF = 0.1  # of what the vendor bills, that the estimate of a cut stream may be off
GUESSED = frozenset({UsageSource.PARTIAL, UsageSource.ESTIMATED})
TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens")


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One call in both books."""

    usage: Usage
    item: Mapping[str, Any]

    @property
    def off(self) -> int:
        """By how many tokens we differ from what the vendor has stated."""
        return sum(
            abs((getattr(self.usage, name) or 0) - self.item[name]) for name in TOKENS
        )

    @property
    def is_right(self) -> bool:
        """Whether we say as much as can be known, and not more."""
        usage, item = self.usage, self.item
        if is_uncut(item):
            return usage.source is UsageSource.REPORTED and self.off == 0
        if item["status"] != 200:
            return usage == Usage()
        if usage.source not in GUESSED:
            return False
        ours, billed = usage.output_tokens, item["billed_output_tokens"]
        near = ours is not None and abs(ours - billed) <= SHARE_OFF * billed
        return near or not item["stream"]  # half a plain body tells nothing: it is flagged


@pytest.mark.parametrize(
    "calls",
    [1000, pytest.param(10_000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])],
)
def test_both_books_agree_on_every_call_through_two_proxies(
    own_plane: DataPlane, free_port: int, calls: int, capsys: pytest.CaptureFixture[str]
) -> None:
    second = own_plane.proxy.beside(free_port)
    second.start()
    try:
        urls = (own_plane.url, f"{second.url}/api/v1")
        load = Load(own_plane.new_bot(), urls, seed=SEED, kinds=2 * KINDS + FAILING)
        load.run(calls)
        reap_until_closed(own_plane)
    finally:
        second.stop()
    assert not second.bugs()
    figures = reckon(own_plane, load.outcomes)
    assert (figures.driven, figures.admitted, figures.settled) == (calls, calls, calls)
    streams = streams_of(own_plane)
    assert len(processes_of(streams)) == 2
    compared = both_books(streams, own_plane.ledger())
    assert len(compared) == calls
    assert not [one for one in compared if not one.is_right]
    uncut = [one for one in compared if is_uncut(one.item)]
    assert calls / 3 < len(uncut) < calls * 2 / 3
    with capsys.disabled():  # `make soak` shows them
        tell(f"{figures}; {len(uncut)} uncut, off by {sum(one.off for one in uncut)}")
        tell(f"how calls went: {ways(compared)}")
    views_agree(own_plane)


def both_books(streams: Streams, ledger: list[dict[str, Any]]) -> list[Compared]:
    """Every call as we have it and as the vendor has it; neither has one alone."""
    ours = {asked_model(events): final(events) for events in streams.values()}
    booked = {item["model"]: item for item in ledger}
    assert ours.keys() == booked.keys()
    return [
        Compared(usage=usage, item=booked[model])
        for model, usage in ours.items()
        if usage is not None
    ]


def processes_of(streams: Streams) -> set[object]:
    """Who has admitted them."""
    admitted = (events[0] for events in streams.values())
    return {one.process_id for one in admitted if isinstance(one, CallAdmitted)}


def ways(compared: list[Compared]) -> str:
    """How often a call ended how."""
    counted = Counter(
        f"{one.item['outcome']} {one.item['status']} {one.usage.source.value}"
        for one in compared
    )
    return ", ".join(f"{count} {way}" for way, count in counted.most_common())
