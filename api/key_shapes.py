"""What provider keys look like, coming in and going out. A secret only ever comes in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from api.shapes import Body, Models, Name, Tags
from domain.catalog import AllowPaths, Vendor
from domain.destinations import Origin, allowed_origin, parse_origin
from domain.errors import InvalidFields
from domain.key_health import Circuit
from domain.keys import KeyStatus
from domain.verdicts import Verdict
from projections.key_health import KeyHealthRow
from projections.key_ring import KeyRow

LONGEST_GRACE = 7 * 24 * 3600  # seconds


def _visible_ascii(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise PydanticCustomError("not_visible_ascii", "not visible ASCII")
    return secret


VendorName = Annotated[str, Field(min_length=1, max_length=64)]
NewSecret = Annotated[
    SecretStr, Field(min_length=1, max_length=4096), AfterValidator(_visible_ascii)
]


class NewKey(Body):
    vendor: VendorName
    label: Name
    secret: NewSecret
    base_url: str | None = None
    tags: Tags = Field(default=[])
    models: Models = Field(default=[])
    allow_paths: AllowPaths = "inference"


class KeyRotation(Body):
    """The old secret stays for calls under way until the time of grace is over."""

    secret: NewSecret
    grace_seconds: Annotated[int, Field(ge=0, le=LONGEST_GRACE)] = 600


class KeyToVerify(Body):
    vendor: VendorName
    secret: NewSecret
    base_url: str | None = None


class KeyChange(Body):
    """What is left out, or null, stays as it is. Secret and address do not change.

    The status `disabled` (or `disabled`: true) parks the key; `active` lets calls use a
    parked one again, and changes nothing of one that is cooling, without funds or dead.
    """

    label: Name | None = None
    tags: Tags | None = None
    models: Models | None = None
    allow_paths: AllowPaths | None = None
    status: Literal["active", "disabled"] | None = None
    disabled: bool | None = None

    @property
    def parked(self) -> bool | None:
        """Whether it shall be; None: as it was. `status` wins."""
        return self.disabled if self.status is None else self.status == "disabled"


class KeyOut(BaseModel):
    """`last4` is all that is ever shown of the secret; nothing of a short one."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID = Field(validation_alias="key_id")
    vendor: str
    label: str
    tags: list[str]
    models: list[str]
    allow_paths: AllowPaths
    base_url: str | None
    last4: str
    status: KeyStatus
    cooling_until: datetime | None
    verdict: Verdict | None
    checked_at: datetime | None
    created_at: datetime
    version: int


class KeyHealthOut(BaseModel):
    """How a key does: as it stands, and as the calls of all proxies have found it."""

    id: UUID
    label: str
    vendor: str
    status: KeyStatus
    state: Circuit
    cooling_until: datetime | None
    consecutive_failures: int
    last_verdict: Verdict | None
    last_error: str | None
    last_at: datetime | None
    successes: int
    failures: int


class VerdictOut(BaseModel):
    """What the vendor says of the key; `error` is our code where it gave no answer."""

    verdict: Verdict
    http_status: int | None
    error: str | None


class ModelOut(BaseModel):
    id: str


def key_shown(row: KeyRow, now: datetime) -> KeyOut:
    """A key as it goes out, as it stands at that time."""
    status = row.standing.status_at(now)
    out = KeyOut.model_validate(row)
    cooling_until = row.cooling_until if status is KeyStatus.COOLING else None
    return out.model_copy(update={"status": status, "cooling_until": cooling_until})


def health_shown(row: KeyRow, health: KeyHealthRow | None, now: datetime) -> KeyHealthOut:
    """A key's health; what was found before it was last found good is history."""
    status = row.standing.status_at(now)
    current = health if health is not None and health.last_at >= row.good_at else None
    state = Circuit.CLOSED if current is None else current.circuit(now)
    if status is not KeyStatus.ACTIVE:
        state = Circuit.OPEN
    elif row.status is KeyStatus.COOLING and current is not None:
        state = Circuit.HALF_OPEN if current.failures_in_a_row else Circuit.CLOSED
    return KeyHealthOut(
        id=row.key_id,
        label=row.label,
        vendor=row.vendor,
        status=status,
        state=state,
        cooling_until=row.cooling_until if status is KeyStatus.COOLING else None,
        consecutive_failures=current.failures_in_a_row if current else 0,
        last_verdict=health.last_verdict if health else None,
        last_error=health.last_error if health else None,
        last_at=health.last_at if health else None,
        successes=health.successes if health else 0,
        failures=health.failures if health else 0,
    )


def origin_of(new: NewKey, vendor: Vendor, egress_allow: tuple[str, ...]) -> Origin:
    """Where the secret may be sent; refused if that is nowhere, or inside."""
    if new.base_url is not None:
        return allowed_origin(new.base_url, egress_allow=egress_allow)
    if vendor.base_url is None:
        raise InvalidFields(base_url="missing")
    return parse_origin(vendor.base_url)
