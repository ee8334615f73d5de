"""What is done to forget a person, in the order in which it can be done again.

That it is to be done goes first, into the ledger: what a process that is killed leaves
undone is done at the next start. Answers that are kept for a retry and mails that wait in a
folder follow; the record in the vault, by which they are found, goes last, in one unit of
work with the event.
"""

from __future__ import annotations

from uuid import UUID

from api.sign_in import hashed_address
from api.wired import Wired
from application.erasing import ErasePerson
from application.event_log import Caller
from domain.claims import address_claim
from domain.ids import UserId
from domain.users import User


def erase_person(system: Wired, user_id: UserId, *, by: Caller) -> int:
    """Nothing here tells any more who the user was; the position of the event.

    `NotFound` if nobody ever had that id.
    """
    system.fleet.read(User(), user_id)
    system.erasures.add([user_id])
    person = system.people.get(user_id)
    claims: tuple[UUID, ...] = ()
    if person is not None:
        system.mailer.forget(person.email, user_id)
        system.texter.forget(person.mobile, user_id)
        claims = (address_claim(hashed_address(system, person.email)),)
    system.idempotency.forget(str(user_id))
    return system.bus.handle(ErasePerson(user_id=user_id, claims=claims), by=by)
