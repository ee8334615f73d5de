"""What invoices look like as they go in and out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.quota_shapes import Zone
from api.shapes import Body, Id, Name
from domain.invoice_csv import InvoiceFormat
from domain.invoice_events import InvoiceFacts
from domain.invoice_matching import JUDGED, Outcome

# A JSON text of ours has at most 64 KiB, so what is longer comes in parts.
Part = Annotated[str, StringConstraints(min_length=1)]
Parts = Part | Annotated[list[Part], Field(min_length=1, max_length=100)]
KeyName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
MILLION = 1_000_000


class NewInvoice(Body):
    """A vendor's usage export as CSV.

    Its keys are ours by their labels; `keys` says which of ours each other name is. With
    `provider_key_id` all lines are of that key. `time_zone` is where the vendor's days are.
    """

    vendor: Name
    format: Annotated[InvoiceFormat, Field(strict=False)]
    provider_key_id: Id | None = None
    keys: Annotated[dict[KeyName, Id], Field(max_length=200)] = Field(default={})
    time_zone: Zone = "UTC"
    content: Parts

    def text(self) -> str:
        """The whole of the export."""
        return self.content if isinstance(self.content, str) else "".join(self.content)


class ToldOut(BaseModel):
    """What the vendor says; null: it does not."""

    model_config = ConfigDict(from_attributes=True)
    input_tokens: int | None
    output_tokens: int | None
    requests: int | None
    cost_micro_usd: int | None


class CountedOut(BaseModel):
    """What our calls add up to. Refused ones never went to the vendor."""

    model_config = ConfigDict(from_attributes=True)
    calls: int
    refused: int
    unmetered: int
    unpriced: int
    input_tokens: int
    output_tokens: int
    cost_micro_usd: int


class Difference(BaseModel):
    """The vendor's figure less ours; `ppm` in parts per million of the vendor's figure,
    rounded half away from zero, null where that is nothing.
    """

    absolute: int
    ppm: int | None


class Differences(BaseModel):
    """Null: the vendor does not say."""

    input_tokens: Difference | None
    output_tokens: Difference | None
    cost_micro_usd: Difference | None


class InvoiceOutcomeOut(BaseModel):
    """Lines of one day, model and key, with the calls that belong to them, or either alone.

    `key` is what the vendor calls a key that is none of the team's.
    """

    day: date
    model: str | None
    provider_key_id: UUID | None
    key: str | None
    lines: int
    first_row: int | None
    told: ToldOut | None
    counted: CountedOut | None
    differences: Differences | None


class LineOut(ToldOut):
    """A row of the export; the header is row 1."""

    row: int
    day: date
    model: str | None
    key: str | None


class InvoiceOut(BaseModel):
    """An invoice as it is listed."""

    id: UUID
    vendor: str
    format: InvoiceFormat
    provider_key_id: UUID | None
    keys: dict[str, UUID]
    time_zone: str
    first_day: date
    last_day: date
    line_count: int
    told: ToldOut
    imported_at: datetime


class InvoiceTotalsOut(BaseModel):
    """`matched` and `unmatched` are all calls of the vendor in [from, to), as
    `/api/usage/summary` has them `at` that position.
    """

    since: datetime = Field(serialization_alias="from")
    until: datetime = Field(serialization_alias="to")
    told: ToldOut
    counted: CountedOut
    matched: CountedOut
    unmatched: CountedOut
    differences: Differences
    matches: int
    variances: int
    unmatched_lines: int
    unmatched_calls: int


class ReconciledOut(InvoiceOut):
    """`position` is where the calls log stood, as `?at=` takes it."""

    position: str
    reconciled_at: datetime
    totals: InvoiceTotalsOut


class InvoiceDetail(ReconciledOut):
    """What the lines tell is the calls' in `matches`, and not in `variances`."""

    lines: list[LineOut]
    matches: list[InvoiceOutcomeOut]
    variances: list[InvoiceOutcomeOut]
    unmatched_lines: list[InvoiceOutcomeOut]
    unmatched_calls: list[InvoiceOutcomeOut]


def fields_of(
    invoice_id: UUID, facts: InvoiceFacts, imported_at: datetime
) -> dict[str, object]:
    """The members of `InvoiceOut`."""
    return {
        "id": invoice_id,
        "vendor": facts.vendor,
        "format": facts.format,
        "provider_key_id": facts.provider_key_id,
        "keys": {one.name: one.provider_key_id for one in facts.keys},
        "time_zone": facts.time_zone,
        "first_day": facts.first_day,
        "last_day": facts.last_day,
        "line_count": facts.lines,
        "told": ToldOut.model_validate(facts.told),
        "imported_at": imported_at,
    }


def outcome_shown(one: Outcome) -> InvoiceOutcomeOut:
    """An outcome as it goes out."""
    both = one.told is not None and one.counted is not None
    return InvoiceOutcomeOut(
        day=one.day,
        model=one.model,
        provider_key_id=one.provider_key_id,
        key=one.key,
        lines=one.lines,
        first_row=one.first_row,
        told=None if one.told is None else ToldOut.model_validate(one.told),
        counted=None if one.counted is None else CountedOut.model_validate(one.counted),
        differences=differences(one.told, one.counted) if both else None,
    )


def differences(told: object, counted: object) -> Differences:
    """How far what the vendor says is from what we counted."""
    return Differences(
        **{
            name: _difference(getattr(told, name), getattr(counted, name))
            for name in JUDGED
        }
    )


def _difference(told: int | None, counted: int) -> Difference | None:
    if told is None:
        return None
    absolute = told - counted
    if told == 0:
        return Difference(absolute=absolute, ppm=None if absolute else 0)
    parts = (abs(absolute) * MILLION * 2 + abs(told)) // (abs(told) * 2)
    return Difference(absolute=absolute, ppm=parts if absolute >= 0 else -parts)
