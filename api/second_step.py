"""The second step of a sign-in, where somebody has a second factor."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from fastapi import Request, Response

from api.auth_shapes import ChallengeOut, SignedInOut
from api.doorkeeper import Doorkeeper, a_user
from api.links import CHALLENGE_PREFIX, UserLink, user_token
from api.second_factor import recovery_hash, step_of
from api.sign_in import Known, note_refused, start_session
from api.wired import Wired
from application.accounts import UseCode
from domain.errors import Unauthenticated
from domain.users import User

CHALLENGE_LIFE = timedelta(minutes=5)


def signed_in_or_challenged(
    system: Wired,
    doorkeeper: Doorkeeper,
    known: Known,
    request: Request,
    response: Response,
) -> SignedInOut | ChallengeOut:
    """A session for whom the first step was right, if no code is asked for as well."""
    if known.totp_on:
        return challenge(system, known)
    return start_session(
        system,
        doorkeeper,
        known.user_id,
        request,
        response,
        epoch=known.epoch,
        means=known.means,
    )


def challenge(system: Wired, known: Known) -> ChallengeOut:
    """What is answered to a right first step if a code is asked for as well."""
    link = UserLink(
        user_id=known.user_id,
        epoch=known.epoch,
        expires_at=datetime.now(UTC) + CHALLENGE_LIFE,
        means=known.means,
    )
    return ChallengeOut(
        challenge=user_token(system.instance_keys.get("link"), CHALLENGE_PREFIX, link),
        expires_in=int(CHALLENGE_LIFE.total_seconds()),
    )


def spend_code(system: Wired, link: UserLink, code: str, request_id: str) -> None:
    """The code was right and is used up; `Unauthenticated`. Ten tries a minute."""
    limits = system.request_limits
    limits.rates.count(limits.sign_ins, f"code/{link.user_id}")
    user = system.fleet.look(User(), link.user_id).state
    person = system.people.get(link.user_id)
    if person is None or not user.totp_on or user.epoch != link.epoch:
        raise Unauthenticated
    step = step_of(person.totp_secret, code, time.time())
    hashed = recovery_hash(system.instance_keys.get("token"), code)
    if (step is None or step <= user.last_step) and hashed not in person.recovery_hashes:
        note_refused(system, link.user_id, user, request_id)
        raise Unauthenticated
    use = UseCode(user_id=link.user_id, step=step, recovery_hash=hashed)
    system.bus.handle(use, by=a_user(link.user_id, user.first_team, request_id))
