"""`/api/auth/totp`: a second factor for one's own sign-ins."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request, Response

from api.auth_shapes import Code, Confirmation, RecoveryCodes, TotpOut
from api.callers import TheUser
from api.positions import reached
from api.second_factor import (
    new_recovery_codes,
    new_secret,
    provisioning_uri,
    recovery_hash,
    step_of,
)
from api.sign_in import confirm_password_if_any
from api.wired import TheSystem
from application.accounts import ConfirmTotp, OfferTotp, RemoveTotp
from domain.errors import InvalidFields
from domain.users import NoTotpIsOffered

router = APIRouter(prefix="/api/auth/totp", tags=["sign-in"])


@router.post("", status_code=201)
def offer(
    given: Confirmation,
    user: TheUser,
    request: Request,
    system: TheSystem,
    response: Response,
) -> TotpOut:
    """Begin to set up a second factor; it is asked for once it is confirmed."""
    person = confirm_password_if_any(system, user, given.password, request)
    secret = new_secret()
    command = OfferTotp(user_id=user.user_id, secret=secret)
    reached(response, system.bus.handle(command, by=user.caller))
    return TotpOut(secret=secret, uri=provisioning_uri(secret, person.email))


@router.post("/confirm")
def confirm(
    given: Code, user: TheUser, system: TheSystem, response: Response
) -> RecoveryCodes:
    """Show that the app has the secret: every sign-in asks for a code from now on."""
    limits = system.request_limits
    limits.rates.count(limits.sign_ins, f"code/{user.user_id}")
    person = system.people.get(user.user_id)
    if person is None or not person.totp_secret:
        raise NoTotpIsOffered
    step = step_of(person.totp_secret, given.code, time.time())
    if step is None:
        raise InvalidFields(code="wrong")
    codes, key = new_recovery_codes(), system.instance_keys.get("token")
    command = ConfirmTotp(
        user_id=user.user_id,
        step=step,
        recovery_hashes=tuple(recovery_hash(key, code) for code in codes),
    )
    reached(response, system.bus.handle(command, by=user.caller))
    return RecoveryCodes(recovery_codes=codes)


@router.delete("", status_code=204)
def remove(
    given: Confirmation,
    user: TheUser,
    request: Request,
    system: TheSystem,
    response: Response,
) -> None:
    """Ask for it no more."""
    confirm_password_if_any(system, user, given.password, request)
    command = RemoveTotp(user_id=user.user_id)
    reached(response, system.bus.handle(command, by=user.caller))
