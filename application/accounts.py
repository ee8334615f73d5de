"""Commands about a person's own account, each with its handler below it.

What is personal is put into the vault in the unit of work of the event that says so. The
record is read after the person's stream, so that of two changes at once the second is done
again on top of the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from application.bus import Command
from application.event_log import EventLog, Stream
from application.ports import People, Person
from domain.errors import NotFound, Unauthenticated
from domain.ids import SessionId, UserId
from domain.user_events import UserProfileChanged
from domain.users import User


@dataclass(frozen=True, kw_only=True)
class ChangeProfile(Command[int]):
    """None leaves as it is."""

    user_id: UserId
    name: str | None = None
    locale: str | None = None


def change_profile(command: ChangeProfile, *, event_log: EventLog, people: People) -> int:
    user, person = _known(event_log, people, command.user_id)
    name = person.name if command.name is None else command.name
    locale = person.locale if command.locale is None else command.locale
    after = replace(person, name=name, locale=locale)
    if after == person:
        return event_log.append(user, [])
    people.put(command.user_id, after)
    return event_log.append(user, [UserProfileChanged()])


@dataclass(frozen=True, kw_only=True)
class ChangePassword(Command[int]):
    """Ends every session but the one kept; `Unauthenticated` if the epoch is over."""

    user_id: UserId
    epoch: int
    password_hash: str
    kept: SessionId | None = None


def change_password(command: ChangePassword, *, event_log: EventLog, people: People) -> int:
    user, person = _known(event_log, people, command.user_id)
    if user.state.epoch != command.epoch:
        raise Unauthenticated
    people.put(command.user_id, replace(person, password_hash=command.password_hash))
    return event_log.append(user, user.state.change_password(kept=command.kept))


@dataclass(frozen=True, kw_only=True)
class OfferTotp(Command[int]):
    user_id: UserId
    secret: str


def offer_totp(command: OfferTotp, *, event_log: EventLog, people: People) -> int:
    user, person = _known(event_log, people, command.user_id)
    offered = user.state.offer_totp()
    people.put(command.user_id, replace(person, totp_secret=command.secret))
    return event_log.append(user, offered)


@dataclass(frozen=True, kw_only=True)
class ConfirmTotp(Command[int]):
    """`step` is the half minute of the code that proved the secret."""

    user_id: UserId
    step: int
    recovery_hashes: tuple[str, ...]


def confirm_totp(command: ConfirmTotp, *, event_log: EventLog, people: People) -> int:
    user, person = _known(event_log, people, command.user_id)
    confirmed = user.state.confirm_totp(command.step)
    people.put(command.user_id, replace(person, recovery_hashes=command.recovery_hashes))
    return event_log.append(user, confirmed)


@dataclass(frozen=True, kw_only=True)
class RemoveTotp(Command[int]):
    user_id: UserId


def remove_totp(command: RemoveTotp, *, event_log: EventLog, people: People) -> int:
    user, person = _known(event_log, people, command.user_id)
    people.put(command.user_id, replace(person, totp_secret="", recovery_hashes=()))
    return event_log.append(user, user.state.remove_totp())


@dataclass(frozen=True, kw_only=True)
class UseCode(Command[int]):
    """A code of the second factor is used up: of a half minute, or a recovery code."""

    user_id: UserId
    step: int | None = None
    recovery_hash: str = ""


def use_code(command: UseCode, *, event_log: EventLog, people: People) -> int:
    user, person = _known(event_log, people, command.user_id)
    if command.step is not None:
        return event_log.append(user, user.state.use_step(command.step))
    left = tuple(one for one in person.recovery_hashes if one != command.recovery_hash)
    if left == person.recovery_hashes:
        raise Unauthenticated
    people.put(command.user_id, replace(person, recovery_hashes=left))
    return event_log.append(user, user.state.use_recovery_code())


@dataclass(frozen=True, kw_only=True)
class MarkOperator(Command[int]):
    """Whether the user looks after this instance."""

    user_id: UserId
    operator: bool


def mark_operator(command: MarkOperator, *, event_log: EventLog) -> int:
    user = event_log.read(User(), command.user_id)
    state = user.state
    events = state.make_operator() if command.operator else state.dismiss_operator()
    return event_log.append(user, events)


def _known(
    event_log: EventLog, people: People, user_id: UserId
) -> tuple[Stream[User], Person]:
    user = event_log.read(User(), user_id)
    person = people.get(user_id)
    if person is None:
        raise NotFound
    return user, person
