"""`/api/auth/code`, `/api/auth/mobile`: signing in with a code that was sent to somebody.

Whether anybody has an address or a number, nobody learns here.
"""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, BackgroundTasks, Request, Response

from api.auth_shapes import (
    ChallengeOut,
    CodeAnswer,
    CodeRequest,
    MobileAnswer,
    MobileRequest,
    SignedInOut,
)
from api.callers import TheDoorkeeper, TheUser
from api.positions import reached
from api.second_step import signed_in_or_challenged
from api.sent_codes import (
    Target,
    count_sending,
    count_texting,
    count_trying,
    hashed_code,
    hashed_mobile,
    holder_of,
    offered,
    send_sign_in_code,
    send_text,
    target_of,
)
from api.sign_in import NOBODY, Known, confirm_password_if_any, note_refused
from api.wired import TheSystem
from application.event_log import Caller
from application.sign_in_codes import ConfirmMobile, RemoveMobile, UseOfferedCode
from domain.errors import InvalidFields, Unauthenticated
from domain.sign_in_codes import Purpose, SignInCode, codes_of
from domain.users import User

router = APIRouter(prefix="/api/auth", tags=["sign-in"])


@router.post("/code", status_code=204)
def ask_for_code(
    asked: CodeRequest, request: Request, system: TheSystem, later: BackgroundTasks
) -> None:
    """Have a code sent, if it is somebody's; the answer is the same if not."""
    target = target_of(system, asked.email, asked.mobile)
    count_sending(system, target, request)
    later.add_task(send_sign_in_code, system, target)


@router.post("/code/verify")
def sign_in_with_code(
    given: CodeAnswer,
    request: Request,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
) -> SignedInOut | ChallengeOut:
    """Sign in with a code, once; five tries in ten minutes. Answered as `login` does."""
    target = target_of(system, given.email, given.mobile)
    count_trying(system, target, request)
    user_id, now = holder_of(system, target) or NOBODY, datetime.now(UTC)
    request_id = request.state.request_id
    user = system.fleet.look(User(), user_id).state
    hashed = hashed_code(system, user_id, Purpose.SIGN_IN, given.code)
    codes = system.fleet.look(SignInCode(), codes_of(user_id)).state
    try:
        codes.use(Purpose.SIGN_IN, target_hash=target.hashed, code_hash=hashed, now=now)
    except Unauthenticated:
        note_refused(system, user_id, user, request_id)
        raise
    use = UseOfferedCode(
        user_id=user_id, target_hash=target.hashed, code_hash=hashed, now=now
    )
    by = Caller(actor=f"user:{user_id}", team_id=user.first_team, correlation_id=request_id)
    system.bus.handle(use, by=by)
    known = Known(
        user_id=user_id, epoch=user.epoch, totp_on=user.totp_on, means=target.means
    )
    return signed_in_or_challenged(system, doorkeeper, known, request, response)


@router.post("/mobile", status_code=204)
def ask_for_mobile_code(
    given: MobileRequest,
    user: TheUser,
    request: Request,
    system: TheSystem,
    later: BackgroundTasks,
) -> None:
    """Have a code sent to a number, to show that it is one's own; ten a day."""
    hashed = hashed_mobile(system, given.mobile)
    person = confirm_password_if_any(system, user, given.password, request)
    count_sending(system, Target(channel="mobile", hashed=hashed), request)
    count_texting(system, user.user_id)
    code = offered(system, user.user_id, Purpose.MOBILE, hashed, user.request_id)
    later.add_task(send_text, system, given.mobile, person.locale, user.user_id, code)


@router.post("/mobile/confirm", status_code=204)
def confirm_mobile(
    given: MobileAnswer,
    user: TheUser,
    request: Request,
    system: TheSystem,
    response: Response,
) -> None:
    """Show that the number is one's own: codes to sign in with can be sent there."""
    hashed = hashed_mobile(system, given.mobile)
    count_trying(system, Target(channel="mobile", hashed=hashed), request)
    command = ConfirmMobile(
        user_id=user.user_id,
        mobile=given.mobile,
        mobile_hash=hashed,
        code_hash=hashed_code(system, user.user_id, Purpose.MOBILE, given.code),
        now=datetime.now(UTC),
    )
    try:
        reached(response, system.bus.handle(command, by=user.caller))
    except Unauthenticated as error:
        raise InvalidFields(code="wrong") from error


@router.delete("/mobile", status_code=204)
def remove_mobile(user: TheUser, system: TheSystem, response: Response) -> None:
    """Have no codes sent to one's number any more."""
    command = RemoveMobile(user_id=user.user_id)
    reached(response, system.bus.handle(command, by=user.caller))
