"""`/api/routing/statistics`: how each target did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from api.bot_reading import TheBots
from api.callers import TheUser
from api.past_views import CallsThen, calls_then
from api.positions import CALLS_ONLY, read_after, read_at, read_with_fleet
from api.routing_reading import vendor_of_key
from api.shapes import Moment, PastQuery
from api.shapes import Query as AQuery
from api.wired import TheSystem, Wired
from domain.calls_months import MonthIsOut
from domain.errors import InvalidFields
from domain.log import CALLS, FLEET
from projections.latency_histogram import Counts, quantile
from projections.routing_statistics import StatisticsFilter, TargetRow, TargetSums

router = APIRouter(prefix="/api/routing/statistics", tags=["routing"])

AFTER = Depends(read_after(lambda system: system.routing_statistics, CALLS))
TheThen = Annotated[
    CallsThen | None,
    Depends(
        calls_then(lambda system: system.routing_statistics, lambda system: system.call_log)
    ),
]
HOUR = timedelta(hours=1)
USUAL = timedelta(days=7)
LONGEST = timedelta(days=92)

Target = tuple[str, str, UUID]  # vendor, model, key


class StatisticsTime(AQuery):
    """Calls that were admitted in [from, to), in whole hours; the last week if unsaid."""

    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = Field(default=None, alias="to")


class StatisticsQuery(StatisticsTime, PastQuery):
    bot: str | None = None


class FirstByteOut(BaseModel):
    """Milliseconds from the call's beginning to the first byte of its answer.

    Of successes at the first attempt. From counts by steps that grow by a ninth: each is
    off by less than 5 %.
    """

    p50: int
    p90: int
    p99: int


class TargetOut(BaseModel):
    """A model under one key.

    `calls` are those whose answer the client got, `share` of all calls, `fallbacks` those
    of them that another target had failed before; `passed_on` counts attempts that failed
    here, so that the call went on. A target's `success_rate` is of both together.
    """

    vendor: str
    model: str
    provider_key_id: UUID
    calls: int
    share: float
    successes: int
    success_rate: float
    fallbacks: int
    passed_on: int
    input_tokens: int
    output_tokens: int
    cost_micro_usd: int | None  # None: of no call is it known
    unpriced: int
    first_byte_ms: FirstByteOut | None


class StatisticsOut(BaseModel):
    """By calls, the most first."""

    start: datetime = Field(serialization_alias="from")
    end: datetime = Field(serialization_alias="to")
    calls: int
    items: list[TargetOut]


@router.get("", dependencies=[AFTER])
def statistics(  # noqa: PLR0913, PLR0917 - what the framework hands in
    query: Annotated[StatisticsQuery, Query()],
    user: TheUser,
    bots: TheBots,
    system: TheSystem,
    then: TheThen,
    response: Response,
) -> StatisticsOut:
    """How each target did in that time; `at` a time or a position, what was known by then.

    That is folded from the calls themselves, and takes about 4 s for each 100,000 of them;
    409 `month-is-out` if they are in the log no more.
    """
    past = None if then is None else then.past
    fleet = system.fleet.head() if past is None else past.of(FLEET)
    since, until = whole_hours(query.since, query.until or (past.time if past else None))
    if then is not None and any(one.begin < until and since < one.end for one in then.out):
        raise MonthIsOut
    wanted = StatisticsFilter(
        team_id=user.team_id,
        since=since,
        until=until,
        bot_id=None if query.bot is None else bots.row(query.bot, past).bot_id,
        upto=None if then is None else then.position,
    )
    view = system.routing_statistics
    if then is None:
        rows = read_at(response, view, CALLS_ONLY, lambda: view.select(wanted))
    else:
        rows = view.select(wanted)
    read_with_fleet(response, None if query.bot is None else fleet)
    found = by_target(system, rows)
    total = sum(sums.calls for sums in found.values())
    items = [_shown(target, sums, total) for target, sums in found.items()]
    items.sort(key=lambda one: (-one.calls, one.vendor, one.model, one.provider_key_id))
    return StatisticsOut(start=since, end=until, calls=total, items=items)


def whole_hours(
    since: datetime | None, until: datetime | None
) -> tuple[datetime, datetime]:
    """The hours that the time touches; refused if it ends before it begins, or is long."""
    end = until or datetime.now(UTC)
    try:
        begin = since or end - USUAL
        whole = end.replace(minute=0, second=0, microsecond=0)
        end = whole if whole == end else whole + HOUR
    except OverflowError as error:  # at the ends of the calendar
        raise InvalidFields(to="time") from error
    start = begin.replace(minute=0, second=0, microsecond=0)
    if start >= end:
        raise InvalidFields(**{"from": "after-to"})
    if end - start > LONGEST:
        raise InvalidFields(**{"from": "more-than-92-days"})
    return start, end


def by_target(system: Wired, rows: list[TargetRow]) -> dict[Target, TargetSums]:
    """The sums of all hours and bots. A target that never served is its key's vendor's."""
    vendors = {row.provider_key_id: row.vendor for row in rows if row.vendor}
    found: dict[Target, TargetSums] = {}
    for row in rows:
        key_id = row.provider_key_id
        if key_id not in vendors:
            vendors[key_id] = vendor_of_key(system, key_id)
        target = vendors[key_id], row.model, key_id
        found[target] = found.get(target, TargetSums()) + row
    return found


def success_rate(sums: TargetSums) -> float:
    """Of all attempts at the target, those that succeeded; 0 if there was none."""
    attempts = sums.calls + sums.passed_on
    return round(sums.successes / attempts, 4) if attempts else 0.0


def known_cost(sums: TargetSums) -> int | None:
    """The sum of the costs that are known; None if of all calls none is."""
    return None if sums.calls and sums.unpriced == sums.calls else sums.cost_micro_usd


def _shown(target: Target, sums: TargetSums, total: int) -> TargetOut:
    vendor, model, key_id = target
    return TargetOut(
        vendor=vendor,
        model=model,
        provider_key_id=key_id,
        calls=sums.calls,
        share=round(sums.calls / total, 4) if total else 0.0,
        successes=sums.successes,
        success_rate=success_rate(sums),
        fallbacks=sums.fallbacks,
        passed_on=sums.passed_on,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        cost_micro_usd=known_cost(sums),
        unpriced=sums.unpriced,
        first_byte_ms=quantiles(sums.first_byte),
    )


def quantiles(counts: Counts) -> FirstByteOut | None:
    """None if nothing was measured."""
    p50, p90, p99 = (quantile(counts, share) for share in (0.5, 0.9, 0.99))
    if p50 is None or p90 is None or p99 is None:
        return None
    return FirstByteOut(p50=p50, p90=p90, p99=p99)
