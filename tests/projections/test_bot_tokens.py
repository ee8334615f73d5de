"""Which tokens speak for a bot, and how far."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from domain.bot_events import (
    BotCreated,
    BotEvent,
    BotProviderLinked,
    BotQuarantined,
    BotReleased,
    BotTokenIssued,
    BotTokensRevoked,
    ProviderLink,
    Runtime,
    TokenKind,
    TokenScope,
)
from domain.catalog import AllowPaths
from domain.events import Recorded
from domain.ids import TeamId
from domain.log import FLEET
from projections.route_projectors import BotRoutesProjector
from projections.route_table import BotRoute, KeyRoute, RouteTable
from projections.view import row_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEAM, BOT = TeamId(uuid4()), uuid4()
OPEN: AllowPaths = "inference"


def link(**fields: object) -> BotProviderLinked:
    plain = {
        "link_id": uuid4(),
        "provider_key_id": None,
        "vendor": None,
        "tag": None,
        "models": ("*",),
        "primary_model": None,
    }
    return BotProviderLinked(link=ProviderLink(**(plain | fields)))  # type: ignore[arg-type]


def issued(
    token_hash: str,
    kind: TokenKind = TokenKind.OWNER,
    scope: TokenScope = TokenScope(),  # noqa: B008 - frozen
    end: datetime = NOW,
) -> BotTokenIssued:
    return BotTokenIssued(
        token_hash=token_hash, previous_end_at=end, kind=kind, scope=scope
    )


def table_after(*events: BotEvent) -> RouteTable:
    created = BotCreated(
        team_id=TEAM, hostname="ada", name="Ada", runtime=Runtime.DOCKER, tags=()
    )
    history = [
        Recorded(
            originator_id=BOT,
            originator_version=version,
            at=NOW,
            actor="user:x",
            team_id=TEAM,
            correlation_id="-",
            causation_id="-",
            event=event,
        )
        for version, event in enumerate((created, *events), start=1)
    ]
    row = row_of(BotRoutesProjector(), FLEET, history)
    assert isinstance(row, BotRoute)
    return RouteTable([row], [a_key("openai"), a_key("anthropic")])


def a_key(vendor: str) -> KeyRoute:
    return KeyRoute(
        key_id=UUID(int=len(vendor)),
        team_id=TEAM,
        vendor=vendor,
        base_url=None,
        origin=f"https://{vendor}.example:443",
        tags=(),
        models=(),
        allow_paths=OPEN,
        secret_version=1,
        good_version=1,
    )


def works(table: RouteTable, token_hash: str, now: datetime = NOW) -> bool:
    return table.use_of(token_hash, now) is not None


def test_a_new_owners_token_ends_every_older_one_at_its_time() -> None:
    later = NOW + timedelta(minutes=10)
    table = table_after(
        issued("one"), issued("box", TokenKind.CONTAINER), issued("two", end=later)
    )
    assert works(table, "two", later)
    for older in ("one", "box"):
        assert works(table, older)
        assert not works(table, older, later)


def test_a_containers_token_leaves_the_owners_alone() -> None:
    table = table_after(issued("one"), issued("box", TokenKind.CONTAINER))
    assert works(table, "one")
    assert works(table, "box")


def test_revoked_tokens_are_good_for_nothing_and_new_ones_work() -> None:
    table = table_after(issued("one"), BotTokensRevoked(), issued("two"))
    assert not works(table, "one")
    assert works(table, "two")


def test_quarantine_cuts_every_token_until_the_release() -> None:
    cut = (issued("one"), BotQuarantined(reason="odd"))
    assert not works(table_after(*cut), "one")
    assert works(table_after(*cut, BotReleased()), "one")


def test_a_token_ends_when_it_says() -> None:
    scope = TokenScope(expires_at=NOW + timedelta(hours=1))
    table = table_after(issued("one", scope=scope))
    assert works(table, "one", NOW + timedelta(minutes=59))
    assert not works(table, "one", NOW + timedelta(hours=1))


def test_a_narrowed_token_reaches_its_vendors_and_models_only() -> None:
    scope = TokenScope(vendors=("openai",), models=("gpt-4o", "o3"))
    table = table_after(
        link(), link(vendor="anthropic"), link(models=("o3",)), issued("one", scope=scope)
    )
    use = table.use_of("one", NOW)
    assert use is not None
    assert [(one.vendor, one.models) for one in use.bot.links] == [
        ("openai", ("gpt-4o", "o3")),
        ("openai", ("o3",)),
    ]
    assert table.candidates(use.bot, "openai", "gpt-4o")
    assert not table.candidates(use.bot, "openai", "gpt-5")
    assert not table.candidates(use.bot, "anthropic", "o3")


def test_a_key_of_another_vendor_is_out_of_a_narrowed_tokens_reach() -> None:
    scope = TokenScope(vendors=("openai",))
    key = a_key("anthropic")
    table = table_after(link(provider_key_id=key.key_id), issued("one", scope=scope))
    use = table.use_of("one", NOW)
    assert use is not None
    assert not table.candidates(use.bot, "anthropic", "claude-sonnet-4-6")
