"""`clawbot reprice` on a real database: the log, the views, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from adapters.bootstrap.followers import VIEWS, event_logs
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.prices import shipped_price_book
from adapters.rebuild import rebuild
from domain.calls import CallCorrected
from domain.log import CALLS
from tests.api.cli.running import Shell
from tests.projections.given import (
    NOON,
    OTHER_TEAM,
    TEAM,
    Happened,
    admitted,
    calls,
    facts,
    settled,
    tokens,
)
from tests.projections.given_logs import database, recorded

FROM, TO = (NOON + timedelta(hours=hours) for hours in (0, 1))
DAY = ("--from", FROM.isoformat(), "--to", TO.isoformat())
USED = tokens(1_000_000, 0)
RIGHT, SOURCE = shipped_price_book().priced(USED, "openai", "gpt-5-mini", NOON)
VIEWS_OF_CALLS = ("call_log", "usage_rollup", "audit_trail")


def a_call(
    number: int, cost: int | None, minutes: float = 0, team: UUID = TEAM
) -> Happened:
    of = facts(minutes, model="gpt-5-mini", team=team)
    return UUID(int=number), [admitted(of), settled(of, USED, cost)]


WRONG = [a_call(1, 11), a_call(2, None, 30), a_call(3, 12, team=OTHER_TEAM)]
FINE = [a_call(4, RIGHT), a_call(5, 11, minutes=60)]  # the second is too young


@pytest.fixture(autouse=True)
def _long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """The histories here are of a time to come: everything was recorded long before it."""
    monkeypatch.setattr("application.reprice.SLACK", timedelta(days=36_500))


@pytest.fixture
def instance(database_url: str) -> Iterator[str]:
    """A database with views that are current, and calls at prices that were wrong."""
    history = [*WRONG, *FINE, *calls(40)]
    with recorded(database_url, calls=history):
        follow(database_url)
        yield database_url


def follow(url: str) -> None:
    with database(url) as opened:
        for name in VIEWS_OF_CALLS:
            projector, view = VIEWS[name]
            follower = ViewFollower(projector(), view(opened))
            for log in projector.logs:
                catch_up(follower, Reader(event_logs(opened)[log]))


def asked(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def test_wrong_costs_are_put_right_in_the_log_and_in_every_total(
    shell: Shell, instance: str
) -> None:
    assert RIGHT
    costs = (
        "SELECT sum(cost_micro_usd), sum(unpriced) FROM usage_rollup "
        "WHERE facet = 'all' AND step = 'hour'"
    )
    ((before, unpriced),) = asked(instance, costs)
    ran = shell.run("reprice", *DAY, "--json", DATABASE_URL=instance)
    assert ran.code == 0
    said = ran.document
    follow(instance)
    ((now, still_unpriced),) = asked(instance, costs)
    change = said["now_micro_usd"] - said["before_micro_usd"]
    assert int(str(now)) - int(str(before)) == change > 0
    assert int(str(unpriced)) > int(str(still_unpriced))
    shown = "SELECT cost_micro_usd, price_source FROM call_log WHERE call_id IN "
    for call in WRONG:
        assert asked(instance, f"{shown} ('{call[0]}')") == [(RIGHT, SOURCE)]
    young = FINE[1][0]
    assert asked(instance, f"{shown} ('{young}')") == [(11, "list")]
    for name in VIEWS_OF_CALLS:
        assert not rebuild(instance, name, check=True), name


def test_a_second_run_finds_nothing_to_correct(shell: Shell, instance: str) -> None:
    first = shell.run("reprice", *DAY, "--json", DATABASE_URL=instance).document
    head = asked(instance, "SELECT max(notification_id) FROM calls_events")
    second = shell.run("reprice", *DAY, "--json")
    assert second.code == 0
    assert (second.document["calls"], second.document["repriced"]) == (first["calls"], 0)
    assert asked(instance, "SELECT max(notification_id) FROM calls_events") == head


def test_a_dry_run_says_what_would_come_of_it(shell: Shell, instance: str) -> None:
    head = asked(instance, "SELECT max(notification_id) FROM calls_events")
    dry = shell.run("reprice", *DAY, "--dry-run", "--json", DATABASE_URL=instance).document
    assert asked(instance, "SELECT max(notification_id) FROM calls_events") == head
    wet = shell.run("reprice", *DAY, "--json").document
    assert (dry.pop("dry_run"), wet.pop("dry_run")) == (True, False)
    assert dry == wet


def test_people_are_told_in_a_sentence(shell: Shell, database_url: str) -> None:
    assert RIGHT
    with recorded(database_url, calls=[a_call(1, RIGHT - 250), a_call(2, RIGHT)]) as logs:
        ran = shell.run("reprice", *DAY, "--dry-run", DATABASE_URL=database_url)
        assert ran.out == "2 settled calls: 1 would be corrected, +0.000250 USD.\n"
        ran = shell.run("reprice", *DAY)
        assert ran.out == "2 settled calls: 1 corrected, +0.000250 USD.\n"
        last = logs[CALLS].history(UUID(int=1))[-1]
    assert (last.actor, last.team_id) == ("system:reprice", TEAM)
    assert isinstance(last.event, CallCorrected)
    assert last.event.reason == "repriced"


def test_a_time_that_ends_before_it_begins_is_wrong_use(shell: Shell) -> None:
    ran = shell.run("reprice", "--from", TO.isoformat(), "--to", FROM.isoformat())
    assert ran.code == 2
    assert ran.err == "clawbot: --from has to be before --to.\n"
