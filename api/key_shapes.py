"""What provider keys look like, coming in and going out. A secret only ever comes in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError

from api.shapes import Body, Models, Name, Tags
from domain.catalog import AllowPaths, Vendor
from domain.destinations import Origin, allowed_origin, parse_origin
from domain.errors import InvalidFields
from domain.keys import KeyStatus
from domain.verdicts import Verdict
from projections.key_ring import KeyRow


class NewKey(Body):
    vendor: Annotated[str, Field(min_length=1, max_length=64)]
    label: Name
    secret: Annotated[SecretStr, Field(min_length=1, max_length=4096)]
    base_url: str | None = None
    tags: Tags = Field(default=[])
    models: Models = Field(default=[])
    allow_paths: AllowPaths = "inference"

    @field_validator("secret")
    @classmethod
    def _is_visible_ascii(cls, secret: SecretStr) -> SecretStr:
        text = secret.get_secret_value()
        if not (text.isascii() and text.isprintable() and " " not in text):
            raise PydanticCustomError("not_visible_ascii", "not visible ASCII")
        return secret


class KeyChange(Body):
    """What is left out, or null, stays as it is. Secret and address do not change."""

    label: Name | None = None
    tags: Tags | None = None
    models: Models | None = None
    allow_paths: AllowPaths | None = None


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
    verdict: Verdict | None
    checked_at: datetime | None
    created_at: datetime
    version: int


def key_shown(row: KeyRow) -> KeyOut:
    """A key as it goes out."""
    return KeyOut.model_validate(row)


def origin_of(new: NewKey, vendor: Vendor, egress_allow: tuple[str, ...]) -> Origin:
    """Where the secret may be sent; refused if that is nowhere, or inside."""
    if new.base_url is not None:
        return allowed_origin(new.base_url, egress_allow=egress_allow)
    if vendor.base_url is None:
        raise InvalidFields(base_url="missing")
    return parse_origin(vendor.base_url)
