"""What time does to keys: they recover, are checked again, and lose old secrets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest

from adapters.event_store import EventMapper
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.jobs.key_rounds import (
    FIRST_CHECK,
    LAST_USERS,
    RAREST_CHECK,
    KeyRounds,
    is_due,
)
from adapters.memory import MemoryKeyRing, MemoryRecorder, no_unit_of_work
from adapters.memory_vault import MemoryVault
from application import key_states, keys
from application.bus import Bus
from application.event_log import Caller, EventLog, Stream, acting
from application.keys import secret_ref
from application.ports import Secret
from domain.errors import Unavailable
from domain.events import Event
from domain.ids import TeamId
from domain.keys import (
    ProviderKeyAdded,
    ProviderKeyCheckRequested,
    ProviderKeyCooled,
    ProviderKeyDied,
    ProviderKeyDisabled,
    ProviderKeyParked,
    ProviderKeyRecovered,
    ProviderKeyRemoved,
    ProviderKeyRotated,
    ProviderKeySecretRetired,
)
from domain.log import FLEET
from domain.verdicts import Verdict
from projections.key_ring import KeyRingProjector, KeyRow

TEAM = TeamId(uuid4())
ORIGIN = "https://api.openai.com:443"
ADDED = ProviderKeyAdded(
    team_id=TEAM,
    vendor="openai",
    label="main",
    base_url=None,
    origin=ORIGIN,
    tags=(),
    models=(),
    allow_paths="inference",
    secret_version=1,
    last4="wxyz",
)
DIED = ProviderKeyDied(http_status=401, error=None)
PARKED = ProviderKeyParked(http_status=402, error=None)


class Rounds:
    """A fleet in memory with one key, and the rounds that are made in it."""

    def __init__(self, *events: Event) -> None:
        self.key_id = uuid4()
        self.vault = MemoryVault()
        self.log = EventLog(FLEET, MemoryRecorder(), EventMapper())
        self.ring = MemoryKeyRing()
        bus = Bus(no_unit_of_work)
        log = self.log
        bus.register(key_states.RecoverKey, partial(key_states.recover_key, event_log=log))
        bus.register(keys.CheckProviderKey, partial(keys.check_provider_key, event_log=log))
        bus.register(
            key_states.RetireSecrets,
            partial(key_states.retire_secrets, event_log=log, secrets=self.vault),
        )
        self._rounds = KeyRounds(self.ring, bus)
        with acting(Caller("user:ada", team_id=TEAM)):
            log.append(Stream(self.key_id, 0, None), [ADDED, *events])
        self.row  # noqa: B018  # the view is where the log is

    @property
    def row(self) -> KeyRow:
        catch_up(ViewFollower(KeyRingProjector(), self.ring), Reader(self.log))
        return self.ring.rows[self.key_id,]

    def make(self, after: timedelta) -> Sequence[Event]:
        """What one round records, so long after everything that was."""
        before = len(self.log.history(self.key_id))
        self._rounds.make_at(datetime.now(UTC) + after)
        return [one.event for one in self.log.history(self.key_id)[before:]]


def test_a_key_that_has_cooled_down_is_noted_to_be_well_once() -> None:
    until = datetime.now(UTC) + timedelta(seconds=30)
    rounds = Rounds(ProviderKeyCooled(until=until, verdict=Verdict.THROTTLED))
    assert rounds.make(timedelta(seconds=20)) == []
    assert rounds.make(timedelta(seconds=31)) == [ProviderKeyRecovered()]
    assert rounds.make(timedelta(seconds=32)) == []


@pytest.mark.parametrize("event", [DIED, PARKED])
def test_a_parked_key_is_checked_again_after_a_quarter_of_an_hour(event: Event) -> None:
    rounds = Rounds(event)
    assert rounds.make(FIRST_CHECK - timedelta(seconds=5)) == []
    (asked,) = rounds.make(FIRST_CHECK + timedelta(seconds=5))
    assert isinstance(asked, ProviderKeyCheckRequested)
    assert rounds.make(2 * FIRST_CHECK) == []  # one is awaited
    assert rounds.row.open_check == asked.check_id


@pytest.mark.parametrize(
    ("parked_for", "pause"),
    [
        (timedelta(0), FIRST_CHECK),
        (FIRST_CHECK, FIRST_CHECK),
        (timedelta(hours=3), timedelta(hours=3)),
        (timedelta(days=30), RAREST_CHECK),
    ],
)
def test_the_longer_a_key_is_parked_the_rarer_it_is_checked(
    parked_for: timedelta, pause: timedelta
) -> None:
    row = Rounds(DIED).row
    assert row.parked_at is not None
    checked_at = row.parked_at + parked_for
    row = KeyRow(**{**vars(row), "checked_at": checked_at})
    assert not is_due(row, checked_at + pause - timedelta(seconds=1))
    assert is_due(row, checked_at + pause)


def test_a_key_that_somebody_disabled_is_left_alone() -> None:
    assert Rounds(DIED, ProviderKeyDisabled()).make(timedelta(days=9)) == []


async def opens(vault: MemoryVault, key_id: UUID, version: int) -> bool:
    try:
        await vault.open(secret_ref(TEAM, key_id, version, "openai", ORIGIN))
    except Unavailable:
        return False
    return True


@pytest.mark.anyio
async def test_an_old_secret_is_shredded_when_its_grace_is_over_and_no_other() -> None:
    ends_at = datetime.now(UTC) + timedelta(seconds=60)
    rotated = ProviderKeyRotated(secret_version=2, last4="rstu", previous_end_at=ends_at)
    rounds = Rounds(rotated)
    for version in (1, 2):
        ref = secret_ref(TEAM, rounds.key_id, version, "openai", ORIGIN)
        rounds.vault.put(ref, Secret(b"sk-0123456789"))
    assert rounds.make(timedelta(seconds=61)) == []  # its last users may be under way
    assert await opens(rounds.vault, rounds.key_id, 1)
    retired = rounds.make(timedelta(seconds=61) + LAST_USERS)
    assert retired == [ProviderKeySecretRetired(secret_version=1)]
    assert not await opens(rounds.vault, rounds.key_id, 1)
    assert await opens(rounds.vault, rounds.key_id, 2)
    assert rounds.row.old_secrets == ()


def test_a_secret_whose_last_users_may_be_under_way_does_not_go_with_an_older_one() -> None:
    now = datetime.now(UTC)
    rotated = [
        ProviderKeyRotated(
            secret_version=version,
            last4="rstu",
            previous_end_at=now + timedelta(seconds=60 * version),
        )
        for version in (2, 3)
    ]
    rounds = Rounds(*rotated)
    assert rounds.make(timedelta(seconds=181)) == [
        ProviderKeySecretRetired(secret_version=1)
    ]
    assert rounds.make(timedelta(seconds=196)) == [
        ProviderKeySecretRetired(secret_version=2)
    ]


def test_a_key_that_was_removed_meanwhile_stops_no_round() -> None:
    rounds = Rounds(DIED)
    with acting(Caller("user:ada", team_id=TEAM)):
        rounds.log.append(Stream(rounds.key_id, 2, None), [ProviderKeyRemoved()])
    assert rounds.make(FIRST_CHECK + timedelta(seconds=5)) == []
