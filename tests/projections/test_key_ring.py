"""The keys of a team, folded from what happened to them."""

from __future__ import annotations

from adapters.follower import Reader, ViewFollower, catch_up
from adapters.memory import MemoryKeyRing
from domain.events import Event
from domain.log import FLEET
from domain.verdicts import Verdict
from projections.key_ring import KeyRingProjector, KeyRow
from tests.projections.given import ROTATED, TEAM, checked, key
from tests.projections.given_logs import memory_logs, record


def key_after(*more: Event) -> KeyRow:
    log, view = memory_logs()[FLEET], MemoryKeyRing()
    record(log, [key(7, TEAM, *more)])
    catch_up(ViewFollower(KeyRingProjector(), view), Reader(log))
    [row] = view.of_team(TEAM, after=None, limit=2)
    return row


def test_a_new_secret_has_no_verdict_until_it_is_checked_itself() -> None:
    refused = key_after(*checked(1, Verdict.DEAD))
    assert (refused.verdict, refused.checked_at is None) == (Verdict.DEAD, False)
    rotated = key_after(*checked(1, Verdict.DEAD), ROTATED)
    assert (rotated.verdict, rotated.checked_at) == (None, None)
    fine = key_after(*checked(1, Verdict.DEAD), ROTATED, *checked(2, Verdict.OK))
    assert (fine.verdict, fine.secret_version) == (Verdict.OK, 2)
