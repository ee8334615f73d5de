"""Commands about accounts: of two changes at once, the second meets what the first made."""

from __future__ import annotations

from uuid import uuid4

import pytest

from adapters.bootstrap.commands import bus_of
from adapters.event_store import EventMapper
from adapters.memory import MemoryRecorder, no_unit_of_work
from adapters.memory_vault import MemoryPeople, MemoryVault
from application.accounts import ChangePassword, ChangeProfile, UseCode
from application.event_log import Caller, EventLog
from application.ports import Person
from application.sign_in import Register
from domain.errors import NotFound, Unauthenticated
from domain.ids import TeamId, UserId
from domain.log import FLEET

ADA = UserId(uuid4())
BY = Caller(actor=f"user:{ADA}")


class Accounts:
    """A registered user, and a bus."""

    def __init__(self) -> None:
        self.people = MemoryPeople()
        self.bus = bus_of(
            EventLog(FLEET, MemoryRecorder(), EventMapper()),
            unit_of_work=no_unit_of_work,
            people=self.people,
            vault=MemoryVault(),
        )
        register = Register(
            user_id=ADA,
            team_id=TeamId(uuid4()),
            address_hash="hash",
            person=Person(email="ada@example.com", name="Ada", password_hash="old"),
        )
        self.bus.handle(register, by=BY)


def test_a_password_is_changed_by_who_saw_the_present_one() -> None:
    accounts = Accounts()
    change = ChangePassword(user_id=ADA, epoch=0, password_hash="new")
    accounts.bus.handle(change, by=BY)
    late = ChangePassword(user_id=ADA, epoch=0, password_hash="newer")
    with pytest.raises(Unauthenticated):
        accounts.bus.handle(late, by=BY)
    person = accounts.people.get(ADA)
    assert person is not None
    assert person.password_hash == "new"


def test_no_recovery_code_is_good_that_was_not_given() -> None:
    accounts = Accounts()
    with pytest.raises(Unauthenticated):
        accounts.bus.handle(UseCode(user_id=ADA, recovery_hash="made up"), by=BY)


def test_who_is_not_there_has_no_profile() -> None:
    accounts = Accounts()
    with pytest.raises(NotFound):
        accounts.bus.handle(ChangeProfile(user_id=UserId(uuid4()), name="Eve"), by=BY)
