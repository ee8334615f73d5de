"""`/api/usage`, of the team, and `/api/bot/{hostname}/usage`, of one bot of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from api.exports import EXPORTS
from api.positions import read_after
from api.shapes import Page
from api.usage_answers import BotUsage, TeamUsage
from api.usage_shapes import (
    Breakdown,
    BreakdownQuery,
    CallOut,
    CallsQuery,
    Filters,
    TotalsOut,
    Trend,
    TrendQuery,
)
from domain.log import CALLS

router = APIRouter(prefix="/api/usage", tags=["usage"])
bot_router = APIRouter(prefix="/api/bot/{hostname}/usage", tags=["usage"])

AFTER_CALLS = [Depends(read_after(lambda system: system.call_log, CALLS))]
AFTER_BOTH = [*AFTER_CALLS, Depends(read_after(lambda system: system.usage_rollup, CALLS))]


@router.get(
    "/summary", dependencies=AFTER_BOTH, response_model=TotalsOut, responses=EXPORTS
)
def summary(
    query: Annotated[Filters, Query()], usage: TeamUsage, response: Response
) -> Response:
    """What the team's calls add up to; this too may be a file (`?format=`)."""
    return usage.summary(query, response)


@router.get("/trend", dependencies=AFTER_BOTH, response_model=Trend, responses=EXPORTS)
def trend(
    query: Annotated[TrendQuery, Query()], usage: TeamUsage, response: Response
) -> Response:
    """The same by minute, hour, day, week or month; those without calls are left out.

    By minute it goes over seven days at most, the last ones unless `from` is given, and
    over 1500 minutes with calls.
    """
    return usage.trend(query, response)


@router.get(
    "/breakdown",
    dependencies=AFTER_BOTH,
    response_model=Breakdown,
    responses=EXPORTS,
)
def breakdown(
    query: Annotated[BreakdownQuery, Query()], usage: TeamUsage, response: Response
) -> Response:
    """What the team's calls add up to, group by group."""
    return usage.breakdown(query, response)


@router.get(
    "/calls",
    dependencies=AFTER_CALLS,
    response_model=Page[CallOut],
    responses=EXPORTS,
)
def calls(
    query: Annotated[CallsQuery, Query()], usage: TeamUsage, response: Response
) -> Page[CallOut] | Response:
    """The calls, newest first; `Accept: text/csv` or `?format=` gives all in one file."""
    return usage.calls(query, response)


@bot_router.get(
    "/summary", dependencies=AFTER_BOTH, response_model=TotalsOut, responses=EXPORTS
)
def bot_summary(
    query: Annotated[Filters, Query()], usage: BotUsage, response: Response
) -> Response:
    """What the bot's calls add up to."""
    return usage.summary(query, response)


@bot_router.get("/trend", dependencies=AFTER_BOTH, response_model=Trend, responses=EXPORTS)
def bot_trend(
    query: Annotated[TrendQuery, Query()], usage: BotUsage, response: Response
) -> Response:
    """The same, step by step."""
    return usage.trend(query, response)


@bot_router.get(
    "/breakdown",
    dependencies=AFTER_BOTH,
    response_model=Breakdown,
    responses=EXPORTS,
)
def bot_breakdown(
    query: Annotated[BreakdownQuery, Query()], usage: BotUsage, response: Response
) -> Response:
    """What the bot's calls add up to, group by group."""
    return usage.breakdown(query, response)


@bot_router.get(
    "/calls",
    dependencies=AFTER_CALLS,
    response_model=Page[CallOut],
    responses=EXPORTS,
)
def bot_calls(
    query: Annotated[CallsQuery, Query()], usage: BotUsage, response: Response
) -> Page[CallOut] | Response:
    """The bot's calls, newest first."""
    return usage.calls(query, response)
