"""`/api/audit/blast-radius`: who could reach a key, skill, plugin or token, and its use.

Reach is folded from the bots' own streams, deleted bots included; use is what the call log
says of the time in which it could be. Of a plugin or a skill nobody knows which call it had
a part in: there it is every call of the bots that had it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi import Query as FromQuery
from pydantic import BaseModel, Field

from api.audit import AFTER
from api.callers import TheUser
from api.positions import reached
from api.shapes import Id, Moment, Query
from api.wired import TheSystem, Wired
from domain.bot_events import BotEvent, BotTokenIssued, TokenKind
from domain.bots import Bot
from domain.errors import InvalidFields, NotFound
from domain.events import Event, Recorded
from domain.ids import TeamId
from domain.keys import ProviderKeyAdded, ProviderKeyEdited
from domain.reach import KeyFacts, Span, has_plugin, has_skill, spans
from projections.audit_trail import AuditFilter
from projections.bot_tokens import token_id
from projections.usage import UsageFilter, UsageTotals

router = APIRouter(prefix="/api/audit", tags=["audit"])

PAGE = 1000
Named = Annotated[str, Field(min_length=1, max_length=200)]
History = list[Recorded[BotEvent]]


class BlastQuery(Query):
    """One of the four; times are of calls, [from, to)."""

    key: Id | None = None
    skill: Named | None = None
    plugin: Named | None = None
    token: Named | None = None
    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = Field(default=None, alias="to")


class SpanOut(BaseModel):
    since: datetime = Field(serialization_alias="from")
    until: datetime | None = Field(serialization_alias="to")


class Used(BaseModel):
    """Of calls; the cost is that which is known, null if none is."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_micro_usd: int | None


class Reached(BaseModel):
    """A bot that could, when, and what it did in that time."""

    bot_id: UUID
    hostname: str
    spans: list[SpanOut]
    used: Used


class BlastRadius(BaseModel):
    kind: str
    id: str
    bots: list[Reached]
    used: Used


@router.get("/blast-radius", dependencies=[AFTER])
def blast_radius(
    query: Annotated[BlastQuery, FromQuery()],
    user: TheUser,
    system: TheSystem,
    response: Response,
) -> BlastRadius:
    """Who could reach it, when; and the calls, tokens and cost of that."""
    kind, name = _subject(query)
    reached(response, system.fleet.head())
    if kind == "token":
        found = list(_token(system, user.team_id, name))
        if not found:
            raise NotFound
    else:
        test = _test(system, user.team_id, kind, name)
        found = [
            (bot_id, *spans(history, test))
            for bot_id, history in _histories(system, user.team_id)
        ]
    wanted = UsageFilter(
        team_id=user.team_id,
        provider_key_id=query.key,
        token_id=query.token,
    )
    bots, total = [], UsageTotals()
    for bot_id, hostname, all_spans in found:
        within = _within(all_spans, query)
        if not within:
            continue
        used = _used(system, hostname, within, wanted)
        total += used
        shown = [SpanOut(since=span.since, until=span.until) for span in within]
        bots.append(
            Reached(bot_id=bot_id, hostname=hostname, spans=shown, used=_shown(used))
        )
    return BlastRadius(kind=kind, id=name, bots=bots, used=_shown(total))


def _subject(query: BlastQuery) -> tuple[str, str]:
    named = {
        kind: str(value)
        for kind in ("key", "skill", "plugin", "token")
        if (value := getattr(query, kind)) is not None
    }
    if len(named) != 1:
        raise InvalidFields(key="one-of-key-skill-plugin-token")
    return next(iter(named.items()))


def _test(system: Wired, team_id: TeamId, kind: str, name: str) -> Callable[[Bot], bool]:
    if kind == "plugin":
        return has_plugin(name)
    if kind == "skill":
        return has_skill(name)
    return _key_facts(system, team_id, UUID(name)).reached_by


def _key_facts(system: Wired, team_id: TeamId, key_id: UUID) -> KeyFacts:
    """The key, removed or not; another team's is not there."""
    vendor, tags = "", set[str]()
    for recorded in system.fleet.history(key_id):
        event = recorded.event
        if isinstance(event, ProviderKeyAdded) and event.team_id == team_id:
            vendor = event.vendor
            tags.update(event.tags)
        elif isinstance(event, ProviderKeyEdited):
            tags.update(event.tags)
    if not vendor:
        raise NotFound
    return KeyFacts(key_id=key_id, vendor=vendor, tags=frozenset(tags))


def _histories(system: Wired, team_id: TeamId) -> Iterator[tuple[UUID, History]]:
    """The stream of every bot that the team has or had, the newest first."""
    wanted, before = AuditFilter(team_id=team_id, type="bot.created"), None
    while True:
        rows = system.audit_trail.select(wanted, before=before, limit=PAGE)
        for row in rows:
            yield row.stream_id, _bot_events(system.fleet.history(row.stream_id))
        if len(rows) < PAGE:
            return
        before = (rows[-1].at, rows[-1].log, rows[-1].position)


def _bot_events(history: list[Recorded[Event]]) -> History:
    return cast("History", history)


def _token(
    system: Wired, team_id: TeamId, name: str
) -> Iterator[tuple[UUID, str, list[Span]]]:
    """The bot that the token is of, from its issue until it ended."""
    for bot_id, history in _histories(system, team_id):
        for nth, recorded in enumerate(history):
            event = recorded.event
            if not isinstance(event, BotTokenIssued) or token_id(event.token_hash) != name:
                continue
            hostname, lives = spans(history, lambda _: True)
            ends = [_end(history[nth + 1 :], event), lives[0].until]
            end = min((one for one in ends if one is not None), default=None)
            yield bot_id, hostname, [Span(since=recorded.at, until=end)]


def _end(after: History, token: BotTokenIssued) -> datetime | None:
    """When the token was to end by what was recorded behind it; None: never."""
    ends = [] if token.scope.expires_at is None else [token.scope.expires_at]
    for recorded in after:
        event = recorded.event
        if event.TOPIC == "bot.tokens_revoked":
            ends.append(recorded.at)
        if isinstance(event, BotTokenIssued) and (
            event.kind is TokenKind.OWNER or token.kind is TokenKind.CONTAINER
        ):
            ends.append(event.previous_end_at)
    return min(ends, default=None)


def _within(found: list[Span], query: BlastQuery) -> list[Span]:
    cut = (span.within(query.since, query.until) for span in found)
    return [span for span in cut if span is not None]


def _used(
    system: Wired, hostname: str, found: list[Span], wanted: UsageFilter
) -> UsageTotals:
    """What the bot's calls in these times add up to."""
    parts = (
        replace(wanted, hostname=hostname, since=span.since, until=span.until)
        for span in found
    )
    return sum((system.call_log.totals(part) for part in parts), UsageTotals())


def _shown(totals: UsageTotals) -> Used:
    return Used(
        calls=totals.calls,
        input_tokens=totals.input_tokens,
        output_tokens=totals.output_tokens,
        cost_micro_usd=totals.known_cost_micro_usd,
    )
