"""Who calls: an access token of an open session, and the one team that it acts in.

Session state is read from the log and believed for two seconds, so that a logout is in
force everywhere soon, and at once in the process that took it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.datastructures import Headers

from api.limits import count_request
from api.tokens import AccessClaims, AccessTokens
from api.wired import TheSystem, Wired
from application.event_log import Caller
from domain.errors import NotFound, Unauthenticated
from domain.ids import SessionId, TeamId, UserId
from domain.sessions import Session

BELIEVED_SECONDS = 2.0
MOST_BELIEVED = 10_000


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A user in a session, acting for a team in one request."""

    user_id: UserId
    team_id: TeamId
    session_id: SessionId
    request_id: str

    @property
    def caller(self) -> Caller:
        """As it stands on events."""
        return a_user(self.user_id, self.team_id, self.request_id)


def a_user(user_id: UserId, team_id: TeamId, request_id: str) -> Caller:
    """A user as the actor of a command."""
    return Caller(actor=f"user:{user_id}", team_id=team_id, correlation_id=request_id)


class Doorkeeper:
    """Knows access tokens and open sessions. One for each app; safe to use from threads."""

    def __init__(self, system: Wired) -> None:
        self._system = system
        self._lock = threading.Lock()
        self._open: OrderedDict[AccessClaims, float] = OrderedDict()

    @cached_property
    def tokens(self) -> AccessTokens:
        """Made at first use: the key is in the database."""
        return AccessTokens(self._system.instance_keys.get("sign-in"))

    def admit(self, headers: Headers, request_id: str) -> SignedIn:
        """Who it is; `Unauthenticated` if nobody, `NotFound` if the team is not theirs."""
        claims = self.tokens.read(_bearer(headers), now=datetime.now(UTC))
        if not self._is_open(claims):
            raise Unauthenticated
        team_id = headers.get("x-team-id")
        if team_id is not None and team_id.lower() != str(claims.team_id):
            raise NotFound
        return SignedIn(
            user_id=claims.user_id,
            team_id=claims.team_id,
            session_id=claims.session_id,
            request_id=request_id,
        )

    def forget(self, session_id: SessionId) -> None:
        """The session is looked up again before it is believed."""
        with self._lock:
            for claims in [one for one in self._open if one.session_id == session_id]:
                del self._open[claims]

    def _is_open(self, claims: AccessClaims) -> bool:
        now = time.monotonic()
        with self._lock:
            if now < self._open.get(claims, 0.0):
                return True
        session = self._system.fleet.look(Session(), claims.session_id).state
        theirs = (session.user_id, session.team_id) == (claims.user_id, claims.team_id)
        if not theirs or not session.is_open(datetime.now(UTC)):
            return False
        with self._lock:
            self._open[claims] = now + BELIEVED_SECONDS
            self._open.move_to_end(claims)
            while len(self._open) > MOST_BELIEVED:
                self._open.popitem(last=False)
        return True


def _bearer(headers: Headers) -> str:
    values = headers.getlist("authorization")
    if len(values) != 1:
        raise Unauthenticated
    scheme, _, token = values[0].partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated
    return token


def _doorkeeper(request: Request) -> Doorkeeper:
    return request.app.state.doorkeeper  # type: ignore[no-any-return]


TheDoorkeeper = Annotated[Doorkeeper, Depends(_doorkeeper)]

# Only so that the OpenAPI document says which routes ask for a token.
_documented = Depends(HTTPBearer(auto_error=False, bearerFormat="JWT"))


def _signed_in(
    request: Request,
    doorkeeper: TheDoorkeeper,
    system: TheSystem,
    _: Annotated[object, _documented],
) -> SignedIn:
    user = doorkeeper.admit(request.headers, request.state.request_id)
    count_request(system.request_limits, request.method, user.user_id, user.team_id)
    return user


TheUser = Annotated[SignedIn, Depends(_signed_in)]
