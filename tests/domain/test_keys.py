"""The rules of a provider key."""

from __future__ import annotations

from uuid import uuid4

import pytest

from domain.ids import TeamId
from domain.keys import (
    CheckIsOver,
    KeyStatus,
    ProviderKey,
    ProviderKeyAdded,
    ProviderKeyChecked,
    ProviderKeyCheckRequested,
    ProviderKeyEdited,
    ProviderKeyRemoved,
    status_after,
)
from domain.verdicts import Verdict
from tests.given import given

ADDED = ProviderKeyAdded(
    team_id=TeamId(uuid4()),
    vendor="openai",
    label="main",
    base_url=None,
    origin="https://api.openai.com:443",
    tags=(),
    models=(),
    allow_paths="inference",
    secret_version=1,
    last4="wxyz",
)
CHECK = uuid4()
REQUESTED = ProviderKeyCheckRequested(check_id=CHECK)
CHECKED = ProviderKeyChecked(
    check_id=CHECK, verdict=Verdict.OK, http_status=200, error=None
)


def test_a_check_is_asked_for_once_until_its_verdict_is_in() -> None:
    given(ProviderKey(), ADDED).when(lambda key: key.request_check(CHECK)).then(REQUESTED)
    given(ProviderKey(), ADDED, REQUESTED).when(
        lambda key: key.request_check(uuid4())
    ).then()
    again = uuid4()
    given(ProviderKey(), ADDED, REQUESTED, CHECKED).when(
        lambda key: key.request_check(again)
    ).then(ProviderKeyCheckRequested(check_id=again))


def test_a_verdict_counts_for_the_check_that_is_awaited_only() -> None:
    given(ProviderKey(), ADDED, REQUESTED).when(lambda key: key.record_check(CHECKED)).then(
        CHECKED
    )
    given(ProviderKey(), ADDED).when(lambda key: key.record_check(CHECKED)).refused(
        CheckIsOver
    )
    given(ProviderKey(), ADDED, REQUESTED, CHECKED).when(
        lambda key: key.record_check(CHECKED)
    ).refused(CheckIsOver)


def test_an_edit_that_changes_nothing_is_not_recorded() -> None:
    same = ProviderKeyEdited(label="main", tags=(), models=(), allow_paths="inference")
    given(ProviderKey(), ADDED).when(lambda key: key.edit(same)).then()
    other = ProviderKeyEdited(label="main", tags=("eu",), models=(), allow_paths="all")
    given(ProviderKey(), ADDED).when(lambda key: key.edit(other)).then(other)
    given(ProviderKey(), ADDED, other).when(lambda key: key.edit(other)).then()


def test_a_key_is_removed_once() -> None:
    given(ProviderKey(), ADDED).when(lambda key: key.remove()).then(ProviderKeyRemoved())
    given(ProviderKey(), ADDED, ProviderKeyRemoved()).when(lambda key: key.remove()).then()


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.OK, KeyStatus.ACTIVE),
        (Verdict.DEAD, KeyStatus.DEAD),
        (Verdict.NO_FUNDS, KeyStatus.NO_FUNDS),
        (Verdict.THROTTLED, KeyStatus.NO_FUNDS),
        (Verdict.OVERLOADED, KeyStatus.NO_FUNDS),
        (Verdict.CLIENT_ERROR, KeyStatus.NO_FUNDS),
    ],
)
def test_only_a_clear_verdict_changes_what_a_key_is_good_for(
    verdict: Verdict, status: KeyStatus
) -> None:
    assert status_after(KeyStatus.NO_FUNDS, verdict) is status
