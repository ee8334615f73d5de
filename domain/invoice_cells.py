"""What one cell of an export says: a number, money, a day, a name. Exact, and bounded.

A cell that says anything else is refused with `InvalidFields` under the name of its place.
Names lose control characters and marks that turn text around. What would be a formula in a
spreadsheet stays the text that it is: only our own CSV exports make formulas harmless.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from zoneinfo import ZoneInfo

from domain.errors import InvalidFields
from domain.prices import LARGEST

LONGEST_NAME = 200
LAST_YEAR = 2099
MICRO = Decimal("0.000001")
_EXACT = Context(prec=100, rounding=ROUND_HALF_UP)
# Few enough digits and small enough exponents that no number is a burden to anybody.
_NUMBER = re.compile(
    r"(?P<sign>[-+]?)\$?(?P<whole>\d{1,16}|\d{1,3}(?:,\d{3}){1,5})?"
    r"(?P<part>\.\d{0,60})?(?P<power>[eE][-+]?\d{1,2})?",
    re.ASCII,
)
_DAY = re.compile(
    r"(20\d\d)[-/](\d{1,2})[-/](\d{1,2})"
    r"(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?(Z|UTC|[-+]\d\d:\d\d)?)?",
    re.ASCII,
)
_SECONDS = re.compile(r"\d{9,10}", re.ASCII)
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def whole_number_of(cell: str, place: str) -> int:
    """A number of things, none below nothing: `1234`, `1,234`, `1234.0`, `1.2e3`."""
    number = _decimal(cell, place)
    if number < 0:
        raise InvalidFields(**{place: "below-zero"})
    if number > LARGEST:
        raise InvalidFields(**{place: "out-of-range"})
    if number != number.to_integral_value(context=_EXACT):
        raise InvalidFields(**{place: "not-a-whole-number"})
    return int(number)


def micro_dollars_of(cell: str, place: str) -> int:
    """Dollars in whole micro-dollars, rounded half up; below nothing is a credit."""
    dollars = _decimal(cell, place)
    if abs(dollars) > LARGEST // 10**6:
        raise InvalidFields(**{place: "out-of-range"})
    return int(dollars.quantize(MICRO, context=_EXACT).scaleb(6, context=_EXACT))


def day_of(cell: str, zone: ZoneInfo, place: str) -> date:
    """The day; of a moment (with an offset, or in Unix seconds) the one it is in there."""
    if _SECONDS.fullmatch(cell):
        day = datetime.fromtimestamp(int(cell), zone).date()
        if day.year <= LAST_YEAR:
            return day
    found = _DAY.fullmatch(cell)
    if found is not None:
        year, month, of_month, time, offset = found.groups()
        text = f"{year}-{month:0>2}-{of_month:0>2}T{time or '00:00'}"
        try:
            if offset is None:
                return datetime.fromisoformat(text).date()
            moment = datetime.fromisoformat(text + offset.replace("UTC", "Z"))
            return moment.astimezone(zone).date()
        except ValueError as error:
            raise InvalidFields(**{place: "not-a-day"}) from error
    raise InvalidFields(**{place: "not-a-day"})


def text_of(cell: str, place: str) -> str | None:
    """A name, without what nobody can see; None if nothing is left of it."""
    text = _UNSEEN.sub("", cell).strip()
    if len(text) > LONGEST_NAME:
        raise InvalidFields(**{place: "too-long"})
    return text or None


def _decimal(cell: str, place: str) -> Decimal:
    found = _NUMBER.fullmatch(cell.strip())
    if found is None or not any(
        one.isdigit() for one in (found["whole"] or found["part"] or "")
    ):
        raise InvalidFields(**{place: "not-a-number"})
    whole = (found["whole"] or "0").replace(",", "")
    part, power = found["part"] or "", found["power"] or ""
    return Decimal(f"{found['sign']}{whole}{part}{power}")
