"""Requests counted by this process alone, as when neither Redis nor PostgreSQL answers."""

from __future__ import annotations

from adapters.rates.leased import LeasedRates
from application.rates import RequestLimits


def memory_limits() -> RequestLimits:
    """The limits as they are unless somebody sets them."""
    return RequestLimits(rates=LeasedRates())
