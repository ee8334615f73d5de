"""The rules of a bot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import reduce
from uuid import UUID, uuid4

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from domain.bot_events import (
    BotCreated,
    BotDeleted,
    BotEvent,
    BotProviderLinked,
    BotProviderUnlinked,
    BotRenamed,
    BotTagged,
    ProviderLink,
    Runtime,
)
from domain.bots import Bot, BotHasNoContainer, NoSuchLink
from domain.errors import InvalidFields, Refused
from domain.hostnames import check_hostname
from domain.ids import LinkId, TeamId
from tests.given import given

TEAM = TeamId(uuid4())
CREATED = BotCreated(
    team_id=TEAM, hostname="ada", name="Ada", runtime=Runtime.EXTERNAL, tags=()
)
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def link(link_id: UUID, *models: str) -> ProviderLink:
    return ProviderLink(
        link_id=link_id,
        provider_key_id=None,
        vendor="openai",
        tag=None,
        models=models or ("*",),
        primary_model=None,
    )


def test_a_bot_is_created_external() -> None:
    given(Bot()).when(
        lambda bot: bot.create(team_id=TEAM, hostname="ada", name="Ada", tags=())
    ).then(CREATED)


@pytest.mark.parametrize(
    "hostname",
    [
        "",
        "ab",
        "a" * 41,
        "Ada",
        "1ada",
        "-ada",
        "ada-",
        "a_da",
        "a.da",
        "ädä",
        "ada\n",
        "stats",
    ],
)
def test_a_hostname_that_cannot_be_is_refused(hostname: str) -> None:
    given(Bot()).when(
        lambda bot: bot.create(team_id=TEAM, hostname=hostname, name="Ada", tags=())
    ).refused(InvalidFields)


@any_of(st.from_regex(r"[a-z][a-z0-9-]{1,38}[a-z0-9]", fullmatch=True))
def test_every_hostname_of_the_baseline_is_taken(hostname: str) -> None:
    if hostname not in {"stats", "admin", "new"}:
        check_hostname(hostname)


def test_a_link_of_the_same_id_is_replaced_in_its_place() -> None:
    first, second = uuid4(), uuid4()
    state = reduce(
        lambda bot, event: bot.evolve(event),
        [
            BotProviderLinked(link=link(first)),
            BotProviderLinked(link=link(second)),
            BotProviderLinked(link=link(first, "gpt-5-mini")),
        ],
        Bot(),
    )
    assert state.links == (link(first, "gpt-5-mini"), link(second))


def test_a_link_that_is_not_there_cannot_be_removed() -> None:
    given(Bot(), CREATED).when(lambda bot: bot.unlink(LinkId(uuid4()))).refused(NoSuchLink)


def test_a_removed_link_is_gone() -> None:
    one = uuid4()
    given(Bot(), CREATED, BotProviderLinked(link=link(one))).when(
        lambda bot: bot.unlink(LinkId(one))
    ).then(BotProviderUnlinked(link_id=one))


def test_an_external_bot_is_not_started_here() -> None:
    given(Bot(), CREATED).when(lambda bot: bot.start()).refused(BotHasNoContainer)


def test_renaming_and_tagging_are_recorded() -> None:
    given(Bot(), CREATED).when(lambda bot: bot.rename("Grace")).then(
        BotRenamed(name="Grace")
    )
    given(Bot(), CREATED).when(lambda bot: bot.tag(("x",))).then(BotTagged(tags=("x",)))


def test_a_bot_is_deleted_once() -> None:
    given(Bot(), CREATED).when(lambda bot: bot.delete()).then(BotDeleted())
    given(Bot(), CREATED, BotDeleted()).when(lambda bot: bot.delete()).then()


ONE = uuid4()
ASKS: list[Callable[[Bot], Sequence[BotEvent]]] = [
    lambda bot: bot.rename("Grace"),
    lambda bot: bot.rename("Ada"),
    lambda bot: bot.tag(("a", "b")),
    lambda bot: bot.link(link(ONE)),
    lambda bot: bot.link(link(ONE, "gpt-5-mini")),
    lambda bot: bot.unlink(LinkId(ONE)),
    lambda bot: bot.delete(),
]


@any_of(st.lists(st.sampled_from(ASKS)), st.sampled_from(ASKS))
def test_asking_twice_records_once(
    history: list[Callable[[Bot], Sequence[BotEvent]]],
    ask: Callable[[Bot], Sequence[BotEvent]],
) -> None:
    bot = Bot().evolve(CREATED)
    for step in [*history, ask]:
        try:
            events = step(bot)
        except Refused:
            continue
        bot = reduce(lambda state, event: state.evolve(event), events, bot)
    try:
        assert ask(bot) == []
    except Refused:
        return
