"""The rules of a provider key."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial, reduce
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
    ProviderKeyCooled,
    ProviderKeyDied,
    ProviderKeyDisabled,
    ProviderKeyEdited,
    ProviderKeyEnabled,
    ProviderKeyEvent,
    ProviderKeyParked,
    ProviderKeyRecovered,
    ProviderKeyRemoved,
    ProviderKeyRotated,
    ProviderKeySecretRetired,
    Seen,
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


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=30)


def key_after(*events: ProviderKeyEvent) -> ProviderKey:
    return reduce(lambda key, event: key.evolve(event), events, ProviderKey())


def seen(verdict: Verdict, *, until: datetime | None = None, good_version: int = 1) -> Seen:
    return Seen(
        verdict=verdict,
        at=NOON,
        cooling_until=until,
        good_version=good_version,
        http_status=429,
        error="vendor:x",
    )


COOLED = ProviderKeyCooled(until=LATER, verdict=Verdict.THROTTLED)
PARKED = ProviderKeyParked(http_status=429, error="vendor:x")
DIED = ProviderKeyDied(http_status=429, error="vendor:x")
THROTTLED = seen(Verdict.THROTTLED, until=LATER)
ROTATED = ProviderKeyRotated(secret_version=2, last4="rstu", previous_end_at=LATER)


def test_what_calls_see_of_a_key_is_recorded_once() -> None:
    added = given(ProviderKey(), ADDED)
    added.when(lambda key: key.report(THROTTLED)).then(COOLED)
    added.when(lambda key: key.report(seen(Verdict.NO_FUNDS))).then(PARKED)
    added.when(lambda key: key.report(seen(Verdict.DEAD))).then(DIED)
    for event, again in (
        (COOLED, THROTTLED),
        (PARKED, seen(Verdict.NO_FUNDS)),
        (DIED, seen(Verdict.DEAD)),
        (DIED, THROTTLED),
        (PARKED, THROTTLED),
        (DIED, seen(Verdict.NO_FUNDS)),
    ):
        given(ProviderKey(), ADDED, event).when(partial(_report, again)).then()


def _report(told: Seen, key: ProviderKey) -> list[ProviderKeyEvent]:
    return key.report(told)


def test_a_key_without_funds_can_still_die_and_a_longer_wait_counts() -> None:
    given(ProviderKey(), ADDED, PARKED).when(
        lambda key: key.report(seen(Verdict.DEAD))
    ).then(DIED)
    longer = LATER + timedelta(seconds=5)
    given(ProviderKey(), ADDED, COOLED).when(
        lambda key: key.report(seen(Verdict.THROTTLED, until=longer))
    ).then(ProviderKeyCooled(until=longer, verdict=Verdict.THROTTLED))


@pytest.mark.parametrize(
    "told",
    [
        seen(Verdict.THROTTLED, until=NOON + timedelta(seconds=4)),
        seen(Verdict.THROTTLED),
        seen(Verdict.OVERLOADED),
        seen(Verdict.CLIENT_ERROR),
        seen(Verdict.OK),
    ],
)
def test_what_is_soon_over_or_not_about_the_key_is_not_recorded(told: Seen) -> None:
    given(ProviderKey(), ADDED).when(lambda key: key.report(told)).then()


@pytest.mark.parametrize(
    "good",
    [
        [ROTATED],
        [DIED, REQUESTED, CHECKED],
        [COOLED, ProviderKeyRecovered()],
        [ProviderKeyDisabled(), ProviderKeyEnabled()],
    ],
    ids=["rotated", "checked", "recovered", "enabled"],
)
def test_what_was_seen_before_the_key_was_good_again_says_nothing(
    good: list[ProviderKeyEvent],
) -> None:
    since = 1 + len(good)
    history = given(ProviderKey(), ADDED, *good)
    history.when(lambda key: key.report(seen(Verdict.DEAD, good_version=1))).then()
    history.when(lambda key: key.report(seen(Verdict.DEAD, good_version=since))).then(DIED)


def test_a_disabled_key_stays_so_whatever_is_said_of_it() -> None:
    off = ProviderKeyDisabled()
    given(ProviderKey(), ADDED, off).when(lambda key: key.report(seen(Verdict.DEAD))).then()
    given(ProviderKey(), ADDED, off).when(lambda key: key.disable()).then()
    given(ProviderKey(), ADDED, off).when(lambda key: key.enable()).then(
        ProviderKeyEnabled()
    )
    given(ProviderKey(), ADDED).when(lambda key: key.enable()).then()
    for event in (CHECKED, ROTATED, ProviderKeyRecovered(), COOLED, DIED):
        key = key_after(ADDED, off, event)
        assert key.standing.status is KeyStatus.DISABLED


def test_a_key_that_has_cooled_down_recovers_and_no_other() -> None:
    cooled = given(ProviderKey(), ADDED, COOLED)
    cooled.when(lambda key: key.recover(LATER)).then(ProviderKeyRecovered())
    cooled.when(lambda key: key.recover(LATER - timedelta(seconds=1))).then()
    given(ProviderKey(), ADDED).when(lambda key: key.recover(LATER)).then()
    given(ProviderKey(), ADDED, DIED).when(lambda key: key.recover(LATER)).then()


def test_a_rotated_secret_is_retired_when_its_grace_is_over_and_once() -> None:
    given(ProviderKey(), ADDED).when(
        lambda key: key.rotate(last4="rstu", previous_end_at=LATER)
    ).then(ROTATED)
    retired = ProviderKeySecretRetired(secret_version=1)
    given(ProviderKey(), ADDED, ROTATED).when(lambda key: key.retire(NOON)).then()
    given(ProviderKey(), ADDED, ROTATED).when(lambda key: key.retire(LATER)).then(retired)
    given(ProviderKey(), ADDED, ROTATED, retired).when(lambda key: key.retire(LATER)).then()


def test_a_check_of_the_old_secret_says_nothing_of_the_new_one() -> None:
    given(ProviderKey(), ADDED, REQUESTED, ROTATED).when(
        lambda key: key.record_check(CHECKED)
    ).refused(CheckIsOver)


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
    checked = replace(CHECKED, verdict=verdict)
    key = key_after(ADDED, PARKED, REQUESTED, checked)
    assert key.standing.status is status


def test_a_cooling_ends_by_itself() -> None:
    standing = key_after(ADDED, COOLED).standing
    assert standing.status_at(LATER - timedelta(seconds=1)) is KeyStatus.COOLING
    assert standing.status_at(LATER) is KeyStatus.ACTIVE
