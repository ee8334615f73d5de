"""The doorkeeper: by which credential somebody calls, and the one team that they act in.

The team is the one that a path names (`/api/team/{team_id}`), else `X-Team-Id`, else the
credential's own. Whoever has no role in it gets the answer for what is not there.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from uuid import UUID

from starlette.datastructures import Headers
from uuid_utils.compat import uuid7

from api import tokens
from api.believed import Believed
from api.policies import Principal, principal_of
from api.tokens import AccessTokens
from api.wired import Wired
from application.attempts import NoteAttempt
from application.event_log import Caller
from domain.access import AccessEvent, AccessRefused, SensitiveRead
from domain.api_tokens import TokenShelf, token_shelf
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.ids import ApiTokenId, SessionId, TeamId, UserId
from domain.roles import Role, lesser
from domain.sessions import Session
from domain.teams import Team
from domain.users import User

NOTED_SECONDS = 60.0
MOST_NOTED = 10_000


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A person in a session, or a program with a token, acting for a team in one request.

    The user of a token is whoever made it.
    """

    user_id: UserId
    team_id: TeamId
    role: Role
    request_id: str
    session_id: SessionId | None = None
    token_id: ApiTokenId | None = None
    operator: bool = False

    @property
    def as_policies_see(self) -> Principal:
        """What kind of caller it is, in which role."""
        program = self.token_id is not None
        return principal_of(self.role, program=program, operator=self.operator)

    @property
    def session(self) -> SessionId:
        """The session of a person; a program has none, and is refused."""
        if self.session_id is None:
            raise Forbidden
        return self.session_id

    @property
    def principal(self) -> str:
        """What limits and kept answers are counted by."""
        return str(self.token_id or self.user_id)

    @property
    def caller(self) -> Caller:
        """As it stands on events."""
        if self.token_id is not None:
            actor = f"api-token:{self.token_id}"
            return Caller(actor=actor, team_id=self.team_id, correlation_id=self.request_id)
        return a_user(self.user_id, self.team_id, self.request_id)


def a_user(user_id: UserId, team_id: TeamId | None, request_id: str) -> Caller:
    """A user as the actor of a command; in no team, if they were taken out of all."""
    return Caller(actor=f"user:{user_id}", team_id=team_id, correlation_id=request_id)


class Doorkeeper:
    """Knows credentials, sessions and roles. One for each app; safe to use from threads."""

    def __init__(self, system: Wired) -> None:
        self._system = system
        self._believed = Believed(system.fleet)
        self._lock = threading.Lock()
        self.forget = self._believed.forget
        self._noted: OrderedDict[tuple[str, TeamId, AccessEvent], float] = OrderedDict()

    @cached_property
    def tokens(self) -> AccessTokens:
        """Made at first use: the key is in the database."""
        return AccessTokens(self._system.instance_keys.get("sign-in"))

    def admit(
        self, headers: Headers, request_id: str, *, team: str | None = None
    ) -> SignedIn:
        """Who it is; `Unauthenticated` if nobody, `NotFound` if a team is not theirs.

        `team` is the one that the path names.
        """
        token, named = _bearer(headers), _teams_named(headers, team)
        admit = self._program if tokens.is_api_token(token) else self._person
        return admit(token, request_id, named)

    def _program(self, token: str, request_id: str, named: list[TeamId]) -> SignedIn:
        team_id, token_id = tokens.api_token_place(token)
        shelf = self._believed.look(TokenShelf(), token_shelf(team_id))
        token_hash = tokens.token_hash(self._system.instance_keys.get("token"), token)
        issued = shelf.presented(token_id, token_hash, datetime.now(UTC))
        makers = None if issued is None else self.role_of(issued.by, team_id)
        if issued is None or makers is None:
            raise Unauthenticated
        if named not in ([], [team_id]):
            raise NotFound
        return SignedIn(
            user_id=issued.by,
            team_id=team_id,
            role=lesser(issued.role, makers),
            token_id=token_id,
            request_id=request_id,
        )

    def _person(self, token: str, request_id: str, named: list[TeamId]) -> SignedIn:
        claims = self.tokens.read(token, now=datetime.now(UTC))
        look, user_id = self._believed.look, claims.user_id
        session = look(Session(), claims.session_id)
        user = look(User(), user_id)
        if session.user_id != user_id or not session.is_open(datetime.now(UTC)):
            raise Unauthenticated
        if not user.keeps(claims.session_id, session.epoch):
            raise Unauthenticated
        roles = {team: self.role_of(user_id, team) for team in named or [claims.team_id]}
        team_id, role = next(iter(roles.items()))
        if None in roles.values():
            raise NotFound if named else Unauthenticated  # a new token is for another team
        assert role is not None
        return SignedIn(
            user_id=user_id,
            team_id=team_id,
            role=role,
            session_id=claims.session_id,
            request_id=request_id,
            operator=user.operator,
        )

    def note_refusal(self, user: SignedIn, action: str) -> None:
        """A refused attempt is recorded, the same one once a minute."""
        self._note(user, AccessRefused(action=action, role=user.role))

    def note_read(self, user: SignedIn, action: str, subject: str) -> None:
        """That something sensitive is read is recorded, the same once a minute."""
        self._note(user, SensitiveRead(action=action, subject=subject))

    def _note(self, user: SignedIn, attempt: AccessEvent) -> None:
        what, now = (user.principal, user.team_id, attempt), time.monotonic()
        with self._lock:
            if now < self._noted.get(what, 0.0):
                return
            self._noted[what] = now + NOTED_SECONDS
            self._noted.move_to_end(what)
            while len(self._noted) > MOST_NOTED:
                self._noted.popitem(last=False)
        self._system.bus.handle(
            NoteAttempt(attempt_id=uuid7(), attempt=attempt), by=user.caller
        )

    def role_of(self, user_id: UserId, team_id: TeamId) -> Role | None:
        """The user's role in the team, if they have one."""
        return self._believed.look(Team(), team_id).members.get(user_id)


def _teams_named(headers: Headers, team: str | None) -> list[TeamId]:
    """The path's team and the header's, each once; `NotFound` for what is no id."""
    texts = [*([] if team is None else [team]), *headers.getlist("x-team-id")]
    return [TeamId(one) for one in dict.fromkeys(_id(text.lower()) for text in texts)]


def _id(text: str) -> UUID:
    try:
        named = UUID(text)
    except ValueError as error:
        raise NotFound from error
    if str(named) != text:
        raise NotFound
    return named


def _bearer(headers: Headers) -> str:
    values = headers.getlist("authorization")
    if len(values) != 1:
        raise Unauthenticated
    scheme, _, token = values[0].partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated
    return token
