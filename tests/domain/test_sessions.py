"""The rules of a session: refresh tokens are used once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given as any_of
from hypothesis import strategies as st

from domain.ids import TeamId, UserId
from domain.sessions import (
    EndReason,
    Session,
    SessionEnded,
    SessionRefreshed,
    SessionStarted,
)
from tests.given import given

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
STARTED = SessionStarted(
    user_id=UserId(uuid4()), team_id=TeamId(uuid4()), refresh_hash="one", expires_at=LATER
)
REFRESHED = SessionRefreshed(refresh_hash="two", expires_at=LATER)


def test_the_current_token_is_replaced() -> None:
    given(Session(), STARTED).when(
        lambda s: s.refresh(presented="one", refreshed=REFRESHED, now=NOW)
    ).then(REFRESHED)


def test_a_used_token_ends_the_session() -> None:
    given(Session(), STARTED, REFRESHED).when(
        lambda s: s.refresh(presented="one", refreshed=REFRESHED, now=NOW)
    ).then(SessionEnded(reason=EndReason.REUSE))


def test_an_ended_or_expired_session_gives_nothing() -> None:
    given(Session(), STARTED, SessionEnded(reason=EndReason.LOGOUT)).when(
        lambda s: s.refresh(presented="one", refreshed=REFRESHED, now=NOW)
    ).then()
    given(Session(), STARTED).when(
        lambda s: s.refresh(presented="one", refreshed=REFRESHED, now=LATER)
    ).then()


def test_signing_out_twice_is_recorded_once() -> None:
    ended = SessionEnded(reason=EndReason.LOGOUT)
    given(Session(), STARTED).when(lambda s: s.end()).then(ended)
    given(Session(), STARTED, ended).when(lambda s: s.end()).then()


@any_of(st.lists(st.integers(0, 5), max_size=12))
def test_no_token_is_good_twice(presented: list[int]) -> None:
    """Whatever tokens come in whatever order, each is answered with yes at most once."""
    session, good = Session().evolve(STARTED), ["one"]
    taken: set[str] = set()
    for turn, choice in enumerate(presented):
        token = good[choice % len(good)]
        fresh = SessionRefreshed(refresh_hash=f"t{turn}", expires_at=LATER)
        for event in session.refresh(presented=token, refreshed=fresh, now=NOW):
            session = session.evolve(event)
            if isinstance(event, SessionRefreshed):
                assert token not in taken
                taken.add(token)
                good.append(event.refresh_hash)
