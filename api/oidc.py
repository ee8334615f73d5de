"""`/api/auth/oidc`, `/api/auth/identity`: signing in by an account elsewhere.

The authorization code flow with PKCE (RFC 9700). A browser is sent to the provider with
`start`, comes back to `callback`, and is answered as by `login`. Whoever is signed in links
an account with `link`, which answers where to send the browser.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.auth_shapes import (
    AuthorizationOut,
    ChallengeOut,
    Confirmation,
    IdentityOut,
    ProviderOut,
    SignedInOut,
)
from api.callers import TheDoorkeeper, TheUser
from api.limits import count_strangers_try
from api.locales import TheLanguages
from api.oidc_flow import (
    FLOW_LIFE,
    Flow,
    errand_of,
    new_browser,
    read_state,
    spend_state,
    state_of,
)
from api.oidc_sign_in import link_in, sign_in_with
from api.paging import TheCursors
from api.positions import reached
from api.provider_texts import provider_name
from api.shapes import ListQuery, Page
from api.sign_in import confirm_password_if_any
from api.wired import TheSystem, Wired
from application.identities import SignInProvider, UnlinkIdentity
from domain.errors import NotFound, Unauthenticated
from domain.users import User

router = APIRouter(prefix="/api/auth", tags=["sign-in"])

COOKIE = "clawbot_sign_in"
Returned = Annotated[str, Query(max_length=4096)]


@router.get("/oidc")
def providers(system: TheSystem, languages: TheLanguages) -> Page[ProviderOut]:
    """Whose accounts one can sign in with here; all on one page."""
    return Page(
        items=[
            ProviderOut(id=name, name=provider_name(name, languages))
            for name in system.sign_in_providers
        ]
    )


@router.get("/oidc/{provider}/start", status_code=302, response_class=RedirectResponse)
def start(provider: str, request: Request, system: TheSystem) -> RedirectResponse:
    """Send the browser to the provider, to sign in; ten times a minute for each peer."""
    vouching = _provider(system, provider)
    count_strangers_try(system.request_limits, f"oidc/{provider}", request)
    answer = RedirectResponse("", status_code=302)
    url = _sent(system, vouching, Flow(provider=provider), answer)
    answer.headers["location"] = url
    return answer


@router.get("/oidc/{provider}/callback")
def callback(  # noqa: PLR0913, PLR0917 - what a provider sends along
    provider: str,
    request: Request,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
    state: Returned = "",
    code: Returned = "",
    iss: Returned = "",
) -> SignedInOut | ChallengeOut | IdentityOut:
    """Back from the provider: signed in, asked for a code as well, or linked.

    401 whatever is wrong with what came back, or if the person said no.
    """
    vouching, request_id = _provider(system, provider), request.state.request_id
    browser, now = request.cookies.get(COOKIE, ""), datetime.now(UTC)
    key = system.instance_keys.get("link")
    flow = read_state(key, browser, provider, state, now=now)
    spend_state(system.request_limits, state)
    if not code or not vouching.may_say(iss):
        raise Unauthenticated
    errand = errand_of(browser, state, _redirect_uri(system, provider))
    identity = vouching.identity(errand, code)
    response.delete_cookie(COOKIE, path=_path(provider))
    if flow.session_id is not None:
        return link_in(system, flow.session_id, provider, identity, request_id, response)
    return sign_in_with(system, doorkeeper, provider, identity, request, response)


@router.post("/oidc/{provider}/link")
def link(  # noqa: PLR0913, PLR0917 - what the framework hands in
    provider: str,
    given: Confirmation,
    user: TheUser,
    request: Request,
    system: TheSystem,
    response: Response,
) -> AuthorizationOut:
    """Begin to link an account; the password is asked for, of whoever has one."""
    vouching = _provider(system, provider)
    confirm_password_if_any(system, user, given.password, request)
    flow = Flow(provider=provider, session_id=user.session)
    return AuthorizationOut(authorization_url=_sent(system, vouching, flow, response))


@router.get("/identity")
def identities(
    query: Annotated[ListQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    response: Response,
) -> Page[IdentityOut]:
    """The accounts elsewhere that one signs in with."""
    reached(response, system.fleet.head())
    known = system.fleet.read(User(), user.user_id).state
    shown = [IdentityOut(provider=name) for name in known.identities]
    return cursors.whole(shown, query, lambda one: one.provider)


@router.delete("/identity/{provider}", status_code=204)
def unlink(provider: str, user: TheUser, system: TheSystem, response: Response) -> None:
    """Sign in with that account no more; 409 if one could not sign in at all then."""
    command = UnlinkIdentity(user_id=user.user_id, provider=provider)
    reached(response, system.bus.handle(command, by=user.caller))


def _provider(system: Wired, name: str) -> SignInProvider:
    found = system.sign_in_providers.get(name)
    if found is None:
        raise NotFound
    return found


def _sent(system: Wired, vouching: SignInProvider, flow: Flow, answer: Response) -> str:
    """Where the browser goes; the answer leaves it what it will be known by."""
    browser, key = new_browser(), system.instance_keys.get("link")
    state = state_of(key, browser, flow, now=datetime.now(UTC))
    url = vouching.authorization_url(
        errand_of(browser, state, _redirect_uri(system, flow.provider))
    )
    answer.set_cookie(
        COOKIE,
        browser,
        max_age=int(FLOW_LIFE.total_seconds()),
        path=_path(flow.provider),
        secure=system.public_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )
    return url


def _path(provider: str) -> str:
    return f"/api/auth/oidc/{provider}"


def _redirect_uri(system: Wired, provider: str) -> str:
    """As it is registered with the provider."""
    return f"{system.public_url}{_path(provider)}/callback"
