"""Whenever a bot changes, its container is rung for: once a page, if it has one."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from adapters.memory import MemoryJobQueue
from application.looking_after import RECONCILE_BOT, LookAfterBots
from domain.bot_events import (
    BotCreated,
    BotDeleted,
    BotQuarantined,
    BotStarted,
    BotTagged,
    BotTokenIssued,
    Runtime,
    TokenKind,
)
from domain.events import Event, Recorded
from domain.ids import TeamId
from domain.log import FLEET, Page, Placed
from domain.runs import NOT_SEEN, RunObserved
from tests.application.fleet import NOW

BOT, OTHER = uuid4(), uuid4()


def rung(*events: tuple[object, Event]) -> list[str]:
    """Which bots are rung for after a page of these."""
    placed = tuple(
        Placed(
            log=FLEET,
            position=position,
            recorded=Recorded(
                originator_id=stream,  # type: ignore[arg-type]
                originator_version=position,
                at=NOW,
                actor="user:alice",
                team_id=None,
                correlation_id="-",
                causation_id="-",
                event=event,
            ),
        )
        for position, (stream, event) in enumerate(events, start=1)
    )
    jobs = MemoryJobQueue()
    LookAfterBots(jobs).react(Page(log=FLEET, after=0, upto=len(placed), events=placed))
    assert {job for job, _ in jobs.jobs} <= {RECONCILE_BOT}
    return [arguments["bot_id"] for _, arguments in jobs.jobs]


def created(runtime: Runtime) -> BotCreated:
    return BotCreated(
        team_id=TeamId(uuid4()), hostname="ada", name="Ada", runtime=runtime, tags=()
    )


def issued(kind: TokenKind) -> BotTokenIssued:
    return BotTokenIssued(token_hash="h", previous_end_at=NOW, kind=kind)


def all_of(bots: Sequence[object]) -> list[str]:
    return [str(bot) for bot in bots]


def test_a_bot_is_rung_for_once_a_page() -> None:
    assert rung(
        (BOT, BotStarted(generation=1)),
        (OTHER, BotDeleted()),
        (BOT, BotQuarantined(reason="odd calls")),
    ) == all_of([BOT, OTHER])


def test_a_bot_that_is_created_elsewhere_is_not() -> None:
    assert rung((BOT, created(Runtime.EXTERNAL)), (BOT, issued(TokenKind.OWNER))) == []
    assert rung((BOT, created(Runtime.DOCKER))) == all_of([BOT])


def test_what_a_container_does_not_show_and_what_the_worker_did_rings_nobody() -> None:
    observed = RunObserved(bot_id=BOT, observation=NOT_SEEN)
    assert (
        rung(
            (BOT, BotTagged(tags=("a",))),
            (BOT, issued(TokenKind.CONTAINER)),
            (uuid4(), observed),
        )
        == []
    )
    assert rung((BOT, issued(TokenKind.OWNER))) == all_of([BOT])
