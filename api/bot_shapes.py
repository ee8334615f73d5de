"""What bots and their provider links look like, coming in and going out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from api.shapes import Body, Id, Model, Models, Name, Tag, Tags, unique
from api.vendors import vendor_of
from domain.bot_events import ProviderLink, Runtime
from domain.catalog import Catalog
from domain.errors import InvalidFields
from projections.bot_directory import BotRow
from projections.bot_status import BotStatus

MOST_LINKS = 50
LONGEST_GRACE = 7 * 24 * 3600  # seconds


class NewLink(Body):
    """Which keys: one, or those of a vendor and/or with a tag.

    Links of the lowest priority are used first; those of one priority share by weight.
    """

    provider_key_id: Id | None = None
    vendor: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    tag: Tag | None = None
    models: Models = Field(default=["*"])
    primary_model: Model | None = None
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    priority: Annotated[int, Field(ge=0, le=1000)] = 0


class NewBot(Body):
    name: Name
    hostname: str
    runtime: Literal["external", "docker", "swarm"] = "external"
    providers: list[NewLink] = Field(default=[], max_length=MOST_LINKS)
    tags: Tags = Field(default=[])


class BotChange(Body):
    """What is left out, or null, stays as it is."""

    name: Name | None = None
    tags: Tags | None = None


class NewToken(Body):
    grace_seconds: Annotated[int, Field(ge=0, le=LONGEST_GRACE)] = 600


class LinkOut(BaseModel):
    id: UUID
    provider_key_id: UUID | None
    vendor: str | None
    tag: str | None
    models: list[str]
    primary_model: str | None
    weight: int
    priority: int


class BotOut(BaseModel):
    """A bot. What only a container has is null for one that runs elsewhere."""

    id: UUID
    hostname: str
    name: str
    runtime: Runtime
    desired_state: str | None = None
    observed_state: str | None = None
    status: BotStatus
    health: str | None = None
    image: str | None = None
    port: int | None = None
    container_id: str | None = None
    providers: list[LinkOut]
    tags: list[str]
    proxy_base_url: str
    created_at: datetime
    version: int


class CreatedBot(BaseModel):
    """The token is shown here and nowhere else."""

    bot: BotOut
    bot_token: str


class TokenOut(BaseModel):
    """Tokens before this one work until `previous_end_at`."""

    bot_token: str
    previous_end_at: datetime


def link_of(new: NewLink, catalog: Catalog, link_id: UUID) -> ProviderLink:
    """The link as the domain has it; refused if it names no key, or a model it excludes."""
    if new.provider_key_id is None and new.vendor is None and new.tag is None:
        raise InvalidFields(providers="names-no-key")
    models = unique(new.models) or ("*",)
    primary = new.primary_model
    if primary is not None and "*" not in models and primary not in models:
        raise InvalidFields(primary_model="not-among-models")
    return ProviderLink(
        link_id=link_id,
        provider_key_id=new.provider_key_id,
        vendor=None if new.vendor is None else vendor_of(catalog, new.vendor).id,
        tag=new.tag,
        models=models,
        primary_model=primary,
        weight=new.weight,
        priority=new.priority,
    )


def link_shown(link: ProviderLink) -> LinkOut:
    """A link as it goes out."""
    return LinkOut(
        id=link.link_id,
        provider_key_id=link.provider_key_id,
        vendor=link.vendor,
        tag=link.tag,
        models=list(link.models),
        primary_model=link.primary_model,
        weight=link.weight,
        priority=link.priority,
    )


def bot_shown(row: BotRow, proxy_base_url: str) -> BotOut:
    """A bot as it goes out."""
    return BotOut(
        id=row.bot_id,
        hostname=row.hostname,
        name=row.name,
        runtime=row.runtime,
        status=row.status,
        providers=[link_shown(link) for link in row.links],
        tags=list(row.tags),
        proxy_base_url=f"{proxy_base_url}/api/v1",
        created_at=row.created_at,
        version=row.version,
    )
