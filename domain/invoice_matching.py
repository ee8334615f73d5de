"""What a vendor says was used, against what was called: bucket by bucket, nothing twice.

Lines of one day, model and key are one bucket. Every group of calls goes to the one bucket
that says most about it: of its key before one that names none, of its model before one that
names none. So matched and unmatched calls together are all the calls that were looked at.

A model is the same however its letters, spaces and dots are written. A name with a date
(`gpt-5-2025-08-07`, `claude-opus-4-20250514`) is also the name without it, as long as
the other side gives no date and no second one fits; prices are found so too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from enum import StrEnum
from uuid import UUID

from domain.invoice_csv import InvoiceLine

_WRITTEN = re.compile(r"[\s._]+")
_DATED = re.compile(r"[-@](?:20\d\d-\d\d-\d\d|20\d{6}|latest)$")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What lines add up to; None: none of them says."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    requests: int | None = None
    cost_micro_usd: int | None = None

    def __add__(self, other: Told) -> Told:
        return Told(**{n: _sum(getattr(self, n), getattr(other, n)) for n in _TOLD})


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What calls add up to: of what is known, as everywhere in usage."""

    calls: int = 0
    refused: int = 0  # they never went to the vendor
    unmetered: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micro_usd: int = 0

    def __add__(self, other: Counted) -> Counted:
        return Counted(**{n: getattr(self, n) + getattr(other, n) for n in _COUNTED})


_TOLD = tuple(field.name for field in fields(Told))
_COUNTED = tuple(field.name for field in fields(Counted))
JUDGED = ("input_tokens", "output_tokens", "cost_micro_usd")


@dataclass(frozen=True, kw_only=True)
class CalledGroup:
    """The calls of one day, model and key."""

    day: date
    model: str | None
    provider_key_id: UUID | None
    counted: Counted


class OutcomeKind(StrEnum):
    MATCH = "match"  # in all that the lines tell
    VARIANCE = "variance"
    UNMATCHED_LINE = "unmatched-line"
    UNMATCHED_CALL = "unmatched-call"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One bucket of lines with the calls that belong to it, or either alone."""

    day: date
    model: str | None
    provider_key_id: UUID | None = None
    key: str | None = None  # as the vendor calls it, where it is none of the team's
    lines: int = 0
    first_row: int | None = None
    told: Told | None = None
    counted: Counted | None = None

    @property
    def kind(self) -> OutcomeKind:
        """What the reconciliation found."""
        if self.told is None:
            return OutcomeKind.UNMATCHED_CALL
        if self.counted is None:
            return OutcomeKind.UNMATCHED_LINE
        told, counted = self.told, self.counted
        agrees = all(getattr(told, n) in {None, getattr(counted, n)} for n in JUDGED)
        return OutcomeKind.MATCH if agrees else OutcomeKind.VARIANCE


@dataclass(frozen=True)
class _Bucket:
    day: date
    model: str  # as it is compared; empty: none is named
    provider_key_id: UUID | None
    stranger: str | None = None  # a key that is none of the team's


def reconciled(
    lines: Iterable[InvoiceLine],
    calls: Iterable[CalledGroup],
    *,
    keys: Mapping[str, UUID],
    only_key: UUID | None = None,
) -> tuple[Outcome, ...]:
    """Every bucket and every group of calls, each once, by day and model.

    `keys` says which of the team's each of the vendor's names is; with `only_key` all lines
    are of that one.
    """
    told = _told(lines, {name.casefold(): key for name, key in keys.items()}, only_key)
    finder = _Finder(told)
    counted: dict[_Bucket, Counted] = {}
    found: list[Outcome] = []
    for group in calls:
        bucket = finder.bucket_of(group)
        if bucket is None:
            found.append(_alone(group))
        else:
            counted[bucket] = counted.get(bucket, Counted()) + group.counted
    found += [replace(one, counted=counted.get(bucket)) for bucket, one in told.items()]
    return tuple(sorted(found, key=_order))


def told_by(line: InvoiceLine) -> Told:
    """The figures of one line."""
    return Told(**{name: getattr(line, name) for name in _TOLD})


def compared(name: str) -> str:
    """The name of a model as it is compared with others."""
    return _WRITTEN.sub("-", name.strip().lower().removeprefix("models/"))


def undated(name: str) -> str:
    """The same without a date or `-latest` at its end."""
    return _DATED.sub("", name)


def _told(
    lines: Iterable[InvoiceLine], keys: Mapping[str, UUID], only_key: UUID | None
) -> dict[_Bucket, Outcome]:
    told: dict[_Bucket, Outcome] = {}
    for line in lines:
        key_id, stranger = only_key, None
        if only_key is None and line.key is not None:
            key_id = keys.get(line.key.casefold())
            stranger = line.key if key_id is None else None
        model = "" if line.model is None else compared(line.model)
        bucket = _Bucket(line.day, model, key_id, stranger)
        before = told.get(bucket)
        figures = told_by(line)
        told[bucket] = Outcome(
            day=line.day,
            model=line.model if before is None else before.model,
            provider_key_id=key_id,
            key=stranger,
            lines=1 if before is None else before.lines + 1,
            first_row=line.row if before is None else before.first_row,
            told=figures
            if before is None or before.told is None
            else before.told + figures,
        )
    return told


class _Finder:
    """Finds the bucket that calls belong to."""

    def __init__(self, buckets: Iterable[_Bucket]) -> None:
        self._exact: dict[tuple[date, UUID | None, str], _Bucket] = {}
        self._undated: dict[tuple[date, UUID | None, str], list[_Bucket]] = {}
        for one in buckets:
            if one.stranger is None:
                place = (one.day, one.provider_key_id)
                self._exact[*place, one.model] = one
                self._undated.setdefault((*place, undated(one.model)), []).append(one)

    def bucket_of(self, group: CalledGroup) -> _Bucket | None:
        """The one that says most about these calls."""
        model = "" if group.model is None else compared(group.model)
        for key_id in (group.provider_key_id, None):
            place = (group.day, key_id)
            for name in (model, undated(model)):
                if (bucket := self._exact.get((*place, name))) is not None:
                    return bucket
            dated = self._undated.get((*place, model), [])
            if len(dated) == 1:
                return dated[0]
            if (unnamed := self._exact.get((*place, ""))) is not None:
                return unnamed
        return None


def _alone(group: CalledGroup) -> Outcome:
    return Outcome(
        day=group.day,
        model=group.model,
        provider_key_id=group.provider_key_id,
        counted=group.counted,
    )


def _order(one: Outcome) -> tuple[date, str, str, str, bool]:
    key = one.key or "", str(one.provider_key_id or "")
    return one.day, one.model or "", *key, one.told is None


def _sum(one: int | None, other: int | None) -> int | None:
    if one is None:
        return other
    return one if other is None else one + other
