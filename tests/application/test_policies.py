"""Policies: whenever this is recorded, then that is asked for."""

from __future__ import annotations

from uuid import uuid4

import pytest

from adapters.follower import PolicyFollower, Reader, catch_up
from adapters.memory import MemoryJobQueue
from application.keys import CheckProviderKey
from application.policies import CheckRequestedKeys
from application.ports import JobQueue
from domain.errors import Unavailable
from domain.ids import ProviderKeyId
from domain.log import FLEET, Page
from tests.application.fleet import ALICE, TEAM, Fleet


class Places:
    """Where the policy is, in memory."""

    def __init__(self) -> None:
        self.at = 0

    def position(self, _name: str, _log: str) -> int:
        return self.at

    def move(self, _name: str, page: Page) -> None:
        assert page.after == self.at
        self.at = page.upto


class QueueThatIsAway:
    def enqueue(self, job: str, **arguments: str) -> None:
        raise Unavailable(job, arguments)


def following(jobs: JobQueue, places: Places) -> PolicyFollower:
    return PolicyFollower(CheckRequestedKeys(jobs), places)


def with_a_requested_check() -> tuple[Fleet, ProviderKeyId]:
    fleet = Fleet()
    fleet.add_key()
    key_id = ProviderKeyId(fleet.add_key())
    asked = CheckProviderKey(key_id=key_id, team_id=TEAM, check_id=uuid4())
    fleet.bus.handle(asked, by=ALICE)
    return fleet, key_id


def test_a_requested_check_is_rung_for_once_and_nothing_else_is() -> None:
    fleet, key_id = with_a_requested_check()
    jobs = MemoryJobQueue()
    policy = following(jobs, Places())
    catch_up(policy, Reader(fleet.log))
    catch_up(policy, Reader(fleet.log))
    assert jobs.jobs == [("check_provider_key", {"key_id": str(key_id)})]


def test_a_policy_that_could_not_ask_does_not_move_on() -> None:
    fleet, key_id = with_a_requested_check()
    places, jobs = Places(), MemoryJobQueue()
    with pytest.raises(Unavailable):
        catch_up(following(QueueThatIsAway(), places), Reader(fleet.log))
    assert places.at == 0
    catch_up(following(jobs, places), Reader(fleet.log))
    assert jobs.jobs == [("check_provider_key", {"key_id": str(key_id)})]


def test_a_policy_that_died_before_it_moved_asks_again() -> None:
    fleet, key_id = with_a_requested_check()
    jobs = MemoryJobQueue()
    page = Reader(fleet.log).page(0)
    CheckRequestedKeys(jobs).react(page)  # and killed here
    catch_up(following(jobs, Places()), Reader(fleet.log))
    assert jobs.jobs == [("check_provider_key", {"key_id": str(key_id)})] * 2
    assert page.log == FLEET
