"""How a quota's refusal is worded: for programs that retry blindly, and for who reads logs.

An agent that reads "daily token quota exceeded, resets at ..." stops after one attempt and
shows the sentence to its user, where a bare 429 is tried ten times (`openclaw.md`, "What
the bot does with an error"). So it is one sentence, and it has all the numbers.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from domain.budgets import UnpricedCall
from domain.holds import Hold
from domain.quotas import Metric, ScopeKind

_METRICS = {
    Metric.TOKENS: "token",
    Metric.COST_MICRO_USD: "cost",
    Metric.REQUESTS: "request",
}
_SCOPES = {
    ScopeKind.TEAM: "the team",
    ScopeKind.BOT: "this bot",
    ScopeKind.PROVIDER_KEY: "this provider key",
    ScopeKind.MEMBER: "this bot's owner",
    ScopeKind.MODEL: "this model",
}
_PERIODS = (
    (timedelta(minutes=2), "minute"),
    (timedelta(hours=2), "hourly"),
    (timedelta(days=2), "daily"),
)


def sentence(hold: Hold) -> str:
    """Which quota has no room, when it has again, and the numbers that say so."""
    end = _end(hold)
    resets = f", resets at {end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if end else ""
    return (
        f"{_period(hold)} {_METRICS[hold.metric]} quota exceeded{resets} "
        f"(of {_SCOPES[hold.scope]}: limit {_amount(hold, hold.limit)}, "
        f"used {_amount(hold, hold.settled)}, "
        f"held by calls under way {_amount(hold, hold.held)}, "
        f"this call needs {_amount(hold, hold.amount)})"
    )


def unpriced(error: UnpricedCall) -> str:
    """Why a call without a price is not made."""
    return (
        f"The price of this model is not known, and {_period(error.hold)} cost quota of "
        f"{_SCOPES[error.hold.scope]} applies; a team can set the model's price."
    )


def seconds_left(hold: Hold, now: datetime) -> int | None:
    """Until the window ends, whole and at least 1; None: waiting does not help."""
    end = _end(hold)
    return None if end is None else max(1, -((now - end) // timedelta(seconds=1)))


def _end(hold: Hold) -> datetime | None:
    """When there is room for the call again; None: never, or it is more than the limit."""
    return hold.window_end if hold.amount <= hold.limit else None


def _period(hold: Hold) -> str:
    if hold.window_end is None:
        return "total"
    length = hold.window_end - hold.window_start
    return next((name for most, name in _PERIODS if length < most), "monthly")


def _amount(hold: Hold, number: int) -> str:
    if hold.metric is Metric.COST_MICRO_USD:
        return f"${number / 1_000_000:.6f}"
    return str(number)
