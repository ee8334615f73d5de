"""Codes that were sent: the last one of its purpose counts, once, there and in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given as all_of
from hypothesis import strategies as st

from domain.errors import Unauthenticated
from domain.ids import UserId
from domain.sign_in_codes import CodeOffered, CodeUsed, Purpose, SignInCode
from tests.given import given

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
USER = UserId(uuid4())
HASHES = st.sampled_from(["a", "b", "c"])
PURPOSES = st.sampled_from(Purpose)


def offer(purpose: Purpose, target: str, code: str, minutes: int = 10) -> CodeOffered:
    return CodeOffered(
        user_id=USER,
        purpose=purpose,
        target_hash=target,
        code_hash=code,
        expires_at=NOON + timedelta(minutes=minutes),
    )


@all_of(st.lists(st.builds(offer, PURPOSES, HASHES, HASHES, st.integers(-1, 1))))
def test_only_the_last_code_of_a_purpose_counts(offers: list[CodeOffered]) -> None:
    state = SignInCode()
    for one in offers:
        state = state.evolve(one)
    last = {one.purpose: one for one in offers}
    for purpose in Purpose:
        for target in ("a", "b", "c"):
            for code in ("a", "b", "c"):
                good = last.get(purpose)
                counts = good is not None and good.expires_at > NOON
                if counts and good and (target, code) == (good.target_hash, good.code_hash):
                    used = state.use(purpose, target_hash=target, code_hash=code, now=NOON)
                    assert used == [CodeUsed(purpose=purpose)]
                    continue
                with pytest.raises(Unauthenticated):
                    state.use(purpose, target_hash=target, code_hash=code, now=NOON)


def test_a_code_that_was_used_is_used_up() -> None:
    events = offer(Purpose.SIGN_IN, "a", "b"), CodeUsed(purpose=Purpose.SIGN_IN)
    given(SignInCode(), *events).when(
        lambda codes: codes.use(Purpose.SIGN_IN, target_hash="a", code_hash="b", now=NOON)
    ).refused(Unauthenticated)
