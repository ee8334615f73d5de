"""Commands about one-time codes and the number they are sent to, each with its handler.

Codes and targets are hashed at the front door; what arrives here are their keyed hashes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from application.bus import Command
from application.event_log import EventLog
from application.ports import People
from domain.claims import Claim, mobile_claim
from domain.errors import NotFound
from domain.ids import UserId
from domain.sign_in_codes import CodeOffered, Purpose, SignInCode, codes_of
from domain.users import User


@dataclass(frozen=True, kw_only=True)
class OfferCode(Command[int]):
    offered: CodeOffered


def offer_code(command: OfferCode, *, event_log: EventLog) -> int:
    codes = event_log.look(SignInCode(), codes_of(command.offered.user_id))
    return event_log.append(codes, codes.state.offer(command.offered))


@dataclass(frozen=True, kw_only=True)
class UseOfferedCode(Command[int]):
    """`Unauthenticated` unless it is the one that was sent there, and in time."""

    user_id: UserId
    target_hash: str
    code_hash: str
    now: datetime


def use_offered_code(command: UseOfferedCode, *, event_log: EventLog) -> int:
    codes = event_log.look(SignInCode(), codes_of(command.user_id))
    used = codes.state.use(
        Purpose.SIGN_IN,
        target_hash=command.target_hash,
        code_hash=command.code_hash,
        now=command.now,
    )
    return event_log.append(codes, used)


@dataclass(frozen=True, kw_only=True)
class ConfirmMobile(Command[int]):
    """The number is the user's, as its code shows; refused if it is somebody else's."""

    user_id: UserId
    mobile: str
    mobile_hash: str
    code_hash: str
    now: datetime


def confirm_mobile(command: ConfirmMobile, *, event_log: EventLog, people: People) -> int:
    user = event_log.read(User(), command.user_id)
    codes = event_log.look(SignInCode(), codes_of(command.user_id))
    claim = event_log.look(Claim(), mobile_claim(command.mobile_hash))
    used = codes.state.use(
        Purpose.MOBILE,
        target_hash=command.mobile_hash,
        code_hash=command.code_hash,
        now=command.now,
    )
    taken = claim.state.take(command.user_id)
    confirmed = user.state.confirm_mobile(command.mobile_hash)
    _keep(people, command.user_id, command.mobile)
    before = user.state.mobile_hash
    released = []
    if before and confirmed:
        old = event_log.read(Claim(), mobile_claim(before))
        released = [(old, old.state.release())]
    return event_log.append_all((codes, used), (claim, taken), *released, (user, confirmed))


@dataclass(frozen=True, kw_only=True)
class RemoveMobile(Command[int]):
    user_id: UserId


def remove_mobile(command: RemoveMobile, *, event_log: EventLog, people: People) -> int:
    user = event_log.read(User(), command.user_id)
    if not user.state.mobile_hash:
        raise NotFound
    claim = event_log.read(Claim(), mobile_claim(user.state.mobile_hash))
    _keep(people, command.user_id, "")
    return event_log.append_all(
        (claim, claim.state.release()), (user, user.state.remove_mobile())
    )


def user_with_mobile(event_log: EventLog, mobile_hash: str) -> UserId | None:
    """Whose number it is, if anybody's."""
    holder = event_log.look(Claim(), mobile_claim(mobile_hash)).state.holder
    return None if holder is None else UserId(holder)


def _keep(people: People, user_id: UserId, mobile: str) -> None:
    person = people.get(user_id)
    if person is None:
        raise NotFound
    people.put(user_id, replace(person, mobile=mobile))
