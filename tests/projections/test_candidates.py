"""Which keys may serve a call, and in which order."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from domain.bot_events import ProviderLink
from domain.keys import KeyStatus
from projections.route_table import BotRoute, KeyRoute, RouteTable

TEAM, OTHER = uuid4(), uuid4()


def key(number: int, **more: object) -> KeyRoute:
    one = KeyRoute(
        key_id=UUID(int=number),
        team_id=TEAM,
        vendor="openai",
        base_url=None,
        origin="https://api.openai.com:443",
        tags=(),
        models=(),
        allow_paths="inference",
        secret_version=1,
        good_version=1,
    )
    return replace(one, **more)  # type: ignore[arg-type]


def link(**more: object) -> ProviderLink:
    one = ProviderLink(
        link_id=uuid4(),
        provider_key_id=None,
        vendor=None,
        tag=None,
        models=("*",),
        primary_model=None,
    )
    return replace(one, **more)  # type: ignore[arg-type]


def found(
    keys: list[KeyRoute], *links: ProviderLink, model: str | None = "m", turn: int = 0
) -> list[int]:
    bot = BotRoute(bot_id=uuid4(), team_id=TEAM, hostname="ada", links=links)
    candidates = RouteTable([bot], keys).candidates(bot, "openai", model, turn=turn)
    return [one.key_id.int for one in candidates]


@pytest.mark.parametrize(
    ("keys", "links", "expected"),
    [
        ([key(1)], [link(provider_key_id=UUID(int=1))], [1]),
        ([key(1)], [link(provider_key_id=UUID(int=2))], []),
        ([key(1, team_id=OTHER)], [link(provider_key_id=UUID(int=1))], []),
        ([key(1, team_id=OTHER), key(2)], [link(vendor="openai")], [2]),
        ([key(1, vendor="cohere")], [link(provider_key_id=UUID(int=1))], []),
        ([key(1)], [link(vendor="cohere")], []),
        ([key(1), key(2, tags=("eu",))], [link(tag="eu")], [2]),
        ([key(1, vendor="cohere", tags=("eu",))], [link(tag="eu")], []),
        ([key(1)], [link(vendor="openai", models=("x",))], []),
        ([key(1)], [link(vendor="openai", models=("x", "m"))], [1]),
        ([key(1, models=("x",)), key(2, models=("m",))], [link(vendor="openai")], [2]),
        ([key(1)], [], []),
    ],
)
def test_links_models_vendors_tags_and_teams_say_which(
    keys: list[KeyRoute], links: list[ProviderLink], expected: list[int]
) -> None:
    assert found(keys, *links) == expected


@pytest.mark.parametrize("status", KeyStatus)
def test_a_key_that_is_off_dead_or_without_funds_is_none(status: KeyStatus) -> None:
    hopeful = status in {KeyStatus.ACTIVE, KeyStatus.COOLING}
    assert found([key(1, status=status)], link(vendor="openai")) == [1] * hopeful


def test_a_key_that_several_links_name_comes_once() -> None:
    links = [link(provider_key_id=UUID(int=1)), link(vendor="openai"), link(vendor=None)]
    assert sorted(found([key(1), key(2)], *links)) == [1, 2]


def test_lower_priorities_come_first_and_turns_change_who_is_first() -> None:
    keys = [key(1), key(2), key(3)]
    spare = link(provider_key_id=UUID(int=3), priority=1)
    pair = link(vendor="openai")
    orders = {tuple(found(keys, pair, turn=turn)) for turn in range(3)}
    assert orders == {(1, 2, 3), (2, 3, 1), (3, 1, 2)}
    one, two = (link(provider_key_id=UUID(int=n)) for n in (1, 2))
    spared = [found(keys, spare, one, two, turn=turn) for turn in range(4)]
    assert {order[-1] for order in spared} == {3}
    assert {order[0] for order in spared} == {1, 2}


def test_a_key_that_went_is_no_candidate_any_more() -> None:
    bot = BotRoute(
        bot_id=uuid4(), team_id=TEAM, hostname="ada", links=(link(vendor="openai"),)
    )
    table = RouteTable([bot], [key(1), key(2)])
    assert len(table.candidates(bot, "openai", None)) == 2
    table.put_key(UUID(int=1), None)
    table.put_key(UUID(int=9), None)
    assert [k.key_id.int for k in table.candidates(bot, "openai", None)] == [2]


def test_a_key_that_comes_or_changes_is_seen_by_the_next_call() -> None:
    bot = BotRoute(
        bot_id=uuid4(), team_id=TEAM, hostname="ada", links=(link(vendor="openai"),)
    )
    table = RouteTable([bot], [])
    assert not table.candidates(bot, "openai", "m")
    table.put_key(UUID(int=1), key(1))
    assert table.candidates(bot, "openai", "m") == [key(1)]
    table.put_key(UUID(int=1), key(1, models=("x",)))
    assert not table.candidates(bot, "openai", "m")
    assert table.candidates(bot, "openai", "x") == [key(1, models=("x",))]


def test_what_a_caller_does_with_the_candidates_is_its_own_affair() -> None:
    bot = BotRoute(
        bot_id=uuid4(), team_id=TEAM, hostname="ada", links=(link(vendor="openai"),)
    )
    table = RouteTable([bot], [key(1)])
    table.candidates(bot, "openai", "m").clear()
    assert table.candidates(bot, "openai", "m") == [key(1)]
