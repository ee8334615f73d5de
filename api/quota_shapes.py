"""What quotas look like, coming in and going out.

A share at which to warn is a number above 0 and up to 1 with at most three decimals; events
hold it as a whole number per mille.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from api.shapes import Body, Id, Model, Moment, PastListQuery
from application.balances import QuotaBalance
from application.quotas import Raise
from domain.errors import InvalidFields
from domain.ids import TeamId
from domain.quotas import MOST, Metric, Mode, Scope, ScopeKind, Window, effective_limit
from projections.quota_list import QuotaRow

FIXED = ("scope", "metric", "window", "time_zone")
WHOLE = 1000  # per mille


def _per_mille(share: float) -> float:
    if round(share * WHOLE) / WHOLE != share:
        raise PydanticCustomError("too_many_decimals", "more than three decimals")
    return share


NotStrict = Strict(strict=False)
Limit = Annotated[int, Field(ge=0, le=MOST)]
Share = Annotated[float, Field(gt=0, le=1), AfterValidator(_per_mille)]
AMetric = Annotated[Metric, NotStrict]
AMode = Annotated[Mode, NotStrict]
AWindow = Annotated[Window, NotStrict]
AKind = Annotated[ScopeKind, NotStrict]
Zone = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class QuotaIsFixed(InvalidFields):
    """Scope, metric, window and time zone stay as they were set: set another quota."""

    code = "quota-is-fixed"


class ScopeIn(Body):
    """A model by the name that is sent, all else by its id; `team` needs none."""

    kind: AKind
    id: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


class NewQuota(Body):
    scope: ScopeIn
    metric: AMetric
    window: AWindow
    limit: Limit
    time_zone: Zone = "UTC"
    warn_at: Share | None = 0.8
    mode: AMode = Mode.BLOCK


class RaiseIn(Body):
    """So much more until that time; 0 ends a raise."""

    by: Limit
    until: Moment


class QuotaChange(Body):
    """What is left out stays as it is, and so does a `limit` or `mode` that is null.

    `warn_at` null means no warning, `raise` null ends a raise.
    """

    model_config = ConfigDict(serialize_by_alias=True)
    limit: Limit | None = None
    warn_at: Share | None = None
    mode: AMode | None = None
    raised: RaiseIn | None = Field(default=None, alias="raise")
    scope: SkipJsonSchema[Any] = None
    metric: SkipJsonSchema[Any] = None
    window: SkipJsonSchema[Any] = None
    time_zone: SkipJsonSchema[Any] = None


class QuotasQuery(PastListQuery):
    scope_kind: ScopeKind | None = None
    scope_id: str | None = None


class ScopeOut(BaseModel):
    kind: ScopeKind
    id: str


class RaiseOut(BaseModel):
    by: int
    until: datetime


class QuotaOut(BaseModel):
    """A quota; `raise` is there while one is in force, and is not part of `limit`."""

    model_config = ConfigDict(serialize_by_alias=True)
    id: UUID
    scope: ScopeOut
    metric: Metric
    window: Window
    limit: int
    time_zone: str
    warn_at: float | None
    mode: Mode
    raised: RaiseOut | None = Field(serialization_alias="raise")
    created_at: datetime
    version: int


class BalanceOut(BaseModel):
    """One window of a quota; `limit` with the raise in force, `remaining` never below 0."""

    quota_id: UUID
    limit: int
    settled: int
    held: int
    remaining: int
    window_start: datetime
    window_end: datetime | None


def scope_of(scope: ScopeIn, team_id: TeamId) -> Scope:
    """The scope with its id in its one spelling; `InvalidFields` if it has none."""
    text = str(team_id) if scope.kind is ScopeKind.TEAM and not scope.id else scope.id
    if text is None:
        raise InvalidFields(**{"scope.id": "missing"})
    try:
        if scope.kind is ScopeKind.MODEL:
            return Scope(kind=scope.kind, id=TypeAdapter(Model).validate_python(text))
        return Scope(kind=scope.kind, id=str(TypeAdapter(Id).validate_python(text)))
    except ValidationError as error:
        code = "not-a-model" if scope.kind is ScopeKind.MODEL else "uuid-parsing"
        raise InvalidFields(**{"scope.id": code}) from error


def share_per_mille(share: float | None) -> int | None:
    """As events hold it."""
    return None if share is None else round(share * WHOLE)


def refuse_fixed(change: QuotaChange) -> None:
    """`QuotaIsFixed` if it names what cannot be changed, whatever it says of it."""
    named = [field for field in FIXED if field in change.model_fields_set]
    if named:
        raise QuotaIsFixed(**dict.fromkeys(named, "fixed"))


def raise_of(change: QuotaChange, now: datetime) -> Raise | None:
    """The raise that is asked for; None: none is said of."""
    if "raised" not in change.model_fields_set:
        return None
    if change.raised is None:
        return Raise(by=0, until=now)
    return Raise(by=change.raised.by, until=change.raised.until)


def quota_shown(row: QuotaRow, now: datetime) -> QuotaOut:
    """A quota as it goes out, as it stands at that time."""
    share = row.warn_at_permille
    until = row.raised_until
    in_force = until is not None and now < until
    return QuotaOut(
        id=row.quota_id,
        scope=ScopeOut(kind=row.scope_kind, id=row.scope_id),
        metric=row.metric,
        window=row.window,
        limit=row.limit,
        time_zone=row.time_zone,
        warn_at=None if share is None else share / WHOLE,
        mode=row.mode,
        raised=RaiseOut(by=row.raised_by, until=until) if in_force and until else None,
        created_at=row.created_at,
        version=row.version,
    )


def balance_shown(balance: QuotaBalance) -> BalanceOut:
    """A balance as it goes out."""
    return BalanceOut(
        quota_id=balance.quota_id,
        limit=balance.limit,
        settled=balance.settled,
        held=balance.held,
        remaining=max(0, balance.limit - balance.settled - balance.held),
        window_start=balance.window_start,
        window_end=balance.window_end,
    )


def limit_of(row: QuotaRow, at: datetime) -> int:
    """The limit in force at that time."""
    return effective_limit(row.limit, row.raised_by, row.raised_until, at)
