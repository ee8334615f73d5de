"""Commands: what they record, and what they refuse."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from application.bot_editing import EditBot
from application.bot_lifecycle import DeleteBot, QuarantineBot, StartBot
from application.bots import LinkProvider, bot_named
from application.event_log import acting
from application.keys import CheckProviderKey, RecordKeyCheck, RemoveProviderKey
from application.ports import Person
from application.sign_in import (
    RefreshSession,
    Register,
    StartSession,
    user_with_address,
)
from domain.bot_events import BotDeleted
from domain.bots import BotHasNoContainer
from domain.claims import IsTaken
from domain.errors import InvalidFields, NotFound, PreconditionFailed
from domain.ids import ProviderKeyId, SessionId, TeamId, UserId
from domain.keys import CheckIsOver
from domain.verdicts import Verdict
from tests.application.fleet import ALICE, NOW, TEAM, Fleet, link_to


def test_a_hostname_is_unique_in_its_team() -> None:
    fleet = Fleet()
    fleet.create_bot("ada")
    head = fleet.log.head()
    with pytest.raises(IsTaken):
        fleet.create_bot("ada")
    assert fleet.log.head() == head


def test_a_deleted_bot_frees_its_hostname() -> None:
    fleet = Fleet()
    fleet.create_bot("ada")
    fleet.bus.handle(
        DeleteBot(team_id=TEAM, hostname="ada", expected_version=None), by=ALICE
    )
    with pytest.raises(NotFound):
        bot_named(fleet.log, TEAM, "ada")
    fleet.create_bot("ada")
    assert bot_named(fleet.log, TEAM, "ada").state.hostname == "ada"


def test_nothing_is_decided_of_a_bot_that_goes_while_its_hostname_is_looked_up() -> None:
    fleet = Fleet()
    fleet.create_bot("ada")
    with acting(ALICE):
        fleet.log.append(bot_named(fleet.log, TEAM, "ada"), [BotDeleted()])
    head = fleet.log.head()
    with pytest.raises(NotFound):
        fleet.bus.handle(QuarantineBot(team_id=TEAM, hostname="ada", reason="x"), by=ALICE)
    assert fleet.log.head() == head


def test_another_teams_bot_is_not_there() -> None:
    fleet = Fleet()
    fleet.create_bot("ada")
    with pytest.raises(NotFound):
        bot_named(fleet.log, TeamId(uuid4()), "ada")


def test_a_bot_is_linked_to_keys_of_its_own_team_only() -> None:
    fleet = Fleet()
    fleet.create_bot("ada")
    foreign = link_to(fleet.add_key(TeamId(uuid4())))
    with pytest.raises(InvalidFields):
        fleet.bus.handle(LinkProvider(team_id=TEAM, hostname="ada", link=foreign), by=ALICE)
    own = link_to(fleet.add_key())
    fleet.bus.handle(LinkProvider(team_id=TEAM, hostname="ada", link=own), by=ALICE)
    assert bot_named(fleet.log, TEAM, "ada").state.links == (own,)


def test_an_edit_of_what_has_moved_on_is_refused() -> None:
    fleet = Fleet()
    fleet.create_bot("ada")
    version = bot_named(fleet.log, TEAM, "ada").version

    def rename(name: str, expected: int) -> EditBot:
        return EditBot(
            team_id=TEAM, hostname="ada", name=name, tags=None, expected_version=expected
        )

    fleet.bus.handle(rename("Grace", version), by=ALICE)
    with pytest.raises(PreconditionFailed):
        fleet.bus.handle(rename("Edsger", version), by=ALICE)


def test_an_external_bot_has_no_start() -> None:
    fleet = Fleet()
    fleet.create_bot("ada")
    with pytest.raises(BotHasNoContainer):
        fleet.bus.handle(StartBot(team_id=TEAM, hostname="ada"), by=ALICE)


def test_a_removed_key_is_shredded_and_gone() -> None:
    fleet = Fleet()
    key_id = ProviderKeyId(fleet.add_key())
    command = RemoveProviderKey(key_id=key_id, team_id=TEAM, expected_version=None)
    fleet.bus.handle(command, by=ALICE)
    with pytest.raises(NotFound):
        fleet.bus.handle(command, by=ALICE)


def test_no_event_holds_the_secret() -> None:
    fleet = Fleet()
    fleet.add_key(secret=b"sk-canary-canary-canary")
    events = fleet.log.page(after=0, limit=100).events
    assert events
    assert "canary" not in repr(events)


def test_a_key_check_is_recorded_once() -> None:
    fleet = Fleet()
    key_id, check_id = ProviderKeyId(fleet.add_key()), uuid4()
    fleet.bus.handle(
        CheckProviderKey(key_id=key_id, team_id=TEAM, check_id=check_id), by=ALICE
    )
    verdict = RecordKeyCheck(
        key_id=key_id, check_id=check_id, verdict=Verdict.OK, http_status=200, error=None
    )
    fleet.bus.handle(verdict, by=ALICE)
    with pytest.raises(CheckIsOver):
        fleet.bus.handle(verdict, by=ALICE)


def test_an_address_has_one_account() -> None:
    fleet = Fleet()

    def register(user_id: UserId) -> Register:
        return Register(
            user_id=user_id,
            team_id=TeamId(uuid4()),
            address_hash="hash-of-alice",
            person=Person(email="alice@example.org", name="Alice", password_hash="x"),
        )

    alice = UserId(uuid4())
    fleet.bus.handle(register(alice), by=ALICE)
    with pytest.raises(IsTaken):
        fleet.bus.handle(register(UserId(uuid4())), by=ALICE)
    assert user_with_address(fleet.log, "hash-of-alice") == alice
    assert user_with_address(fleet.log, "hash-of-bob") is None


def test_a_reused_refresh_token_ends_the_session() -> None:
    fleet, session_id = Fleet(), SessionId(uuid4())
    ends = NOW + timedelta(days=30)
    fleet.bus.handle(
        StartSession(
            session_id=session_id,
            user_id=UserId(uuid4()),
            team_id=TEAM,
            refresh_hash="one",
            expires_at=ends,
        ),
        by=ALICE,
    )

    def refresh(presented: str, fresh: str) -> int | None:
        command = RefreshSession(
            session_id=session_id,
            presented=presented,
            refresh_hash=fresh,
            expires_at=ends,
            now=NOW,
        )
        return fleet.bus.handle(command, by=ALICE)

    assert refresh("one", "two") == fleet.log.head()
    assert refresh("one", "three") is None
    assert refresh("two", "four") is None
