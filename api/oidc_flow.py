"""One browser's way to a provider and back: what ties its end to its beginning.

The browser keeps 32 random bytes in a cookie that scripts cannot read. `state` is signed
together with a hash of them, so that it is good in that browser, for that provider and for
ten minutes; the nonce and PKCE's verifier are made of them, and are kept nowhere.

    state   base32(session that links, or zeros; end; HMAC-SHA-256): 90 letters and digits

A state is used once: that it was is counted, as requests are.
"""

from __future__ import annotations

import hmac
import secrets
import struct
from base64 import b32decode, b32encode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from api.links import SIGNATURE_BYTES, sign
from application.identities import Errand
from application.rates import Rate, RequestLimits, TooOften
from domain.errors import Unauthenticated
from domain.ids import SessionId

FLOW_LIFE = timedelta(minutes=10)
BROWSER_BYTES = 32
_FACTS = struct.Struct(">16sQ")
_NO_SESSION = UUID(int=0)
_ONCE = Rate(
    name="sign-in-state", most=1, seconds=int(FLOW_LIFE.total_seconds()), exact=True
)


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What a browser was sent for: to sign in, or to link in that session."""

    provider: str
    session_id: SessionId | None = None


def new_browser() -> str:
    """What the cookie holds."""
    return secrets.token_urlsafe(BROWSER_BYTES)


def state_of(key: bytes, browser: str, flow: Flow, *, now: datetime) -> str:
    """The state of a flow that begins now."""
    session = flow.session_id or _NO_SESSION
    facts = _FACTS.pack(session.bytes, int((now + FLOW_LIFE).timestamp()))
    return _text(facts + _signature(key, browser, flow.provider, facts))


def read_state(
    key: bytes, browser: str, provider: str, state: str, *, now: datetime
) -> Flow:
    """What the flow was begun for; `Unauthenticated` if not here, or not any more."""
    whole = _bytes(state)
    facts, signature = whole[:-SIGNATURE_BYTES], whole[-SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(key, browser, provider, facts)):
        raise Unauthenticated
    session, second = _FACTS.unpack(facts)
    if now >= datetime.fromtimestamp(second, UTC):
        raise Unauthenticated
    linking = UUID(bytes=session)
    return Flow(
        provider=provider,
        session_id=None if linking == _NO_SESSION else SessionId(linking),
    )


def spend_state(limits: RequestLimits, state: str) -> None:
    """It is used now; `Unauthenticated` if it was before."""
    try:
        limits.rates.count(_ONCE, sha256(state.encode()).hexdigest())
    except TooOften as error:
        raise Unauthenticated from error


def errand_of(browser: str, state: str, redirect_uri: str) -> Errand:
    """What goes to the provider, the same at the flow's beginning and at its end."""
    return Errand(
        redirect_uri=redirect_uri,
        state=state,
        nonce=_made_of(browser, f"nonce {state}"),
        verifier=_made_of(browser, f"verifier {state}"),
    )


def _signature(key: bytes, browser: str, provider: str, facts: bytes) -> bytes:
    tied_to = sha256(browser.encode()).hexdigest()
    return sign(key, f"oidc {provider} {tied_to} ", facts)


def _made_of(browser: str, what: str) -> str:
    made = hmac.digest(browser.encode(), what.encode(), "sha256")
    return urlsafe_b64encode(made).decode().rstrip("=")


def _text(whole: bytes) -> str:
    return b32encode(whole).decode().rstrip("=").lower()


def _bytes(text: str) -> bytes:
    """The bytes of a text that may be anything; `Unauthenticated` for another spelling."""
    try:
        whole = b32decode(text.upper() + "=" * (-len(text) % 8))
    except ValueError as error:
        raise Unauthenticated from error
    if _text(whole) != text or len(whole) != _FACTS.size + SIGNATURE_BYTES:
        raise Unauthenticated
    return whole
