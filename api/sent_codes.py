"""One-time codes: made, hashed, sent, and how often one may ask for and try them.

Eight digits, good for ten minutes and for five tries: of a hundred million. Who asks is
answered the same, after the same work, whether or not somebody has that address or number:
what more there is to do for somebody is done after the answer.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import Request
from uuid_utils.compat import uuid7

from api import tokens
from api.limits import count_strangers_try
from api.mails import hand_over, hand_over_text, mail_to, text_to
from api.sign_in import hashed_address
from api.wired import Wired
from application.event_log import Caller
from application.rates import Rate
from application.sign_in import user_with_address
from application.sign_in_codes import OfferCode, user_with_mobile
from domain.errors import InvalidFields
from domain.ids import UserId
from domain.sign_in_codes import CodeOffered, Purpose
from domain.users import User

DIGITS = 8
CODE_LIFE = timedelta(minutes=10)
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SENT = Rate(name="code-sent", most=5, seconds=3600, exact=True)  # to one target
# By one user to any numbers: each text is paid for, and some numbers pay who is texted.
_TEXTED = Rate(name="numbers-texted", most=10, seconds=86_400, exact=True)
_TRIES = Rate(name="code-tries", most=5, seconds=int(CODE_LIFE.total_seconds()), exact=True)


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a code goes: an address or a number, and the keyed hash that it is found by."""

    channel: str  # email or mobile
    hashed: str

    @property
    def means(self) -> str:
        """How somebody signs in who has its code."""
        return f"code:{self.channel}"


def target_of(system: Wired, email: str | None, mobile: str | None) -> Target:
    """The address or the number that was named; refused if it is neither."""
    if email is not None:
        return Target(channel="email", hashed=hashed_address(system, email))
    return Target(channel="mobile", hashed=hashed_mobile(system, mobile or ""))


def hashed_mobile(system: Wired, mobile: str) -> str:
    """What a number is claimed and found by; refused if it is not one of E.164."""
    if _E164.fullmatch(mobile) is None:
        raise InvalidFields(mobile="not-a-number")
    return tokens.token_hash(system.instance_keys.get("email"), f"mobile {mobile}")


def holder_of(system: Wired, target: Target) -> UserId | None:
    """Whose address or number it is, if anybody's."""
    find = user_with_address if target.channel == "email" else user_with_mobile
    return find(system.fleet, target.hashed)


def count_sending(system: Wired, target: Target, request: Request) -> None:
    """One more is sent there: five an hour, ten a minute for each peer; `TooOften`."""
    limits = system.request_limits
    count_strangers_try(limits, "codes", request)
    limits.rates.count(_SENT, target.hashed)


def count_texting(system: Wired, user_id: UserId) -> None:
    """One more number is texted at the user's wish: ten a day; `TooOften`."""
    system.request_limits.rates.count(_TEXTED, str(user_id))


def count_trying(system: Wired, target: Target, request: Request) -> None:
    """One more is tried: five in ten minutes, ten a minute for each peer; `TooOften`."""
    limits = system.request_limits
    count_strangers_try(limits, "code-tries", request)
    limits.rates.count(_TRIES, target.hashed)


def hashed_code(system: Wired, user_id: UserId, purpose: Purpose, code: str) -> str:
    """What is recorded of a code: it tells nothing to who has the log alone."""
    key = system.instance_keys.get("token")
    return tokens.token_hash(key, f"code {purpose} {user_id} {code}")


def send_sign_in_code(system: Wired, target: Target) -> None:
    """A code is on its way to whoever has the target, if anybody has."""
    user_id = holder_of(system, target)
    person = None if user_id is None else system.people.get(user_id)
    if user_id is None or person is None:
        return
    code = offered(system, user_id, Purpose.SIGN_IN, target.hashed, str(uuid7()))
    if target.channel == "email":
        mail = mail_to(person.email, "sign_in_code", person.locale, user_id, code=code)
        hand_over(system, mail)
    else:
        send_text(system, person.mobile, person.locale, user_id, code)


def send_text(system: Wired, mobile: str, locale: str, user_id: UserId, code: str) -> None:
    """The code is handed over to whoever sends it there."""
    hand_over_text(system, text_to(mobile, "code_sms", locale, user_id, code=code))


def offered(
    system: Wired, user_id: UserId, purpose: Purpose, target_hash: str, request_id: str
) -> str:
    """A new code that counts from now on, and is to be sent."""
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    user = system.fleet.look(User(), user_id).state
    command = OfferCode(
        offered=CodeOffered(
            user_id=user_id,
            purpose=purpose,
            target_hash=target_hash,
            code_hash=hashed_code(system, user_id, purpose, code),
            expires_at=datetime.now(UTC) + CODE_LIFE,
        )
    )
    by = Caller(
        actor=f"user:{user_id}" if purpose is Purpose.MOBILE else "anonymous",
        team_id=user.first_team,
        correlation_id=request_id,
    )
    system.bus.handle(command, by=by)
    return code
