"""What bots and their provider links look like, coming in and going out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from api.bot_equipment_shapes import (
    Config,
    NewChannel,
    NewPluginInstall,
    NewSkill,
    PersonaIn,
    Slug,
)
from api.shapes import Body, Id, Model, Models, Name, Tag, Tags, unique
from api.vendors import vendor_of
from domain.bot_events import DesiredState, ProviderLink, Runtime
from domain.catalog import Catalog
from domain.containers import ContainerState, Health, NetworkPolicy
from domain.equipment import MOST_OF_A_KIND
from domain.errors import InvalidFields
from domain.runs import Observation
from projections.bot_directory import BotRow
from projections.bot_status import BotStatus

MOST_LINKS = 50


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


class ResourcesIn(Body):
    """The most that the bot's container may take; swap is never added."""

    memory_mb: Annotated[int, Field(ge=64, le=65_536)] | None = None
    cpus: Annotated[float, Field(ge=0.05, le=64, strict=False)] | None = None
    pids: Annotated[int, Field(ge=16, le=4096)] | None = None


Image = Annotated[str, Field(min_length=1, max_length=255)]
Reach = Literal["isolated", "egress"]


class NewBot(Body):
    name: Name
    hostname: str
    runtime: Literal["external", "docker", "swarm"] | None = None
    image: Image | None = None
    resources: ResourcesIn | None = None
    network: Reach = "isolated"
    publish_port: bool = False
    providers: list[NewLink] = Field(default=[], max_length=MOST_LINKS)
    tags: Tags = Field(default=[])
    persona: PersonaIn | None = None
    persona_template_id: Slug | None = None
    features: Config = Field(default={})
    channels: list[NewChannel] = Field(default=[], max_length=MOST_OF_A_KIND)
    plugins: list[NewPluginInstall] = Field(default=[], max_length=MOST_OF_A_KIND)
    skills: list[NewSkill] = Field(default=[], max_length=MOST_OF_A_KIND)


class BotChange(Body):
    """What is left out, or null, stays as it is; a new container takes on the rest."""

    name: Name | None = None
    tags: Tags | None = None
    image: Image | None = None
    resources: ResourcesIn | None = None
    network: Reach | None = None
    publish_port: bool | None = None
    persona: PersonaIn | None = None
    persona_template_id: Slug | None = None
    features: Config | None = None

    @property
    def is_of_container(self) -> bool:
        """Whether anything of the container is to change."""
        wanted = (self.image, self.resources, self.network, self.publish_port)
        return any(one is not None for one in wanted)


class NewQuarantine(Body):
    reason: Annotated[str, Field(max_length=500)] = ""


class LinkOut(BaseModel):
    id: UUID
    provider_key_id: UUID | None
    vendor: str | None
    tag: str | None
    models: list[str]
    primary_model: str | None
    weight: int
    priority: int


class ResourcesOut(BaseModel):
    memory_mb: int
    cpus: float
    pids: int


class ReasonOut(BaseModel):
    """Why a bot does not run as it should, and when it is tried again."""

    code: str
    detail: str
    failures: int
    retry_at: datetime | None


class BotOut(BaseModel):
    """A bot. What only a container has is null for one that runs elsewhere."""

    id: UUID
    hostname: str
    name: str
    runtime: Runtime
    desired_state: DesiredState | None = None
    observed_state: ContainerState | None = None
    status: BotStatus
    health: Health | None = None
    reason: ReasonOut | None = None
    image: str | None = None
    resources: ResourcesOut | None = None
    network: NetworkPolicy | None = None
    port: int | None = None
    container_id: str | None = None
    quarantined: bool = False
    providers: list[LinkOut]
    tags: list[str]
    proxy_base_url: str
    created_at: datetime
    version: int


class CreatedBot(BaseModel):
    """The token is shown here and nowhere else."""

    bot: BotOut
    bot_token: str


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
    shown = BotOut(
        id=row.bot_id,
        hostname=row.hostname,
        name=row.name,
        runtime=row.runtime,
        status=row.status,
        quarantined=row.quarantined,
        providers=[link_shown(link) for link in row.links],
        tags=list(row.tags),
        proxy_base_url=f"{proxy_base_url}/api/v1",
        created_at=row.created_at,
        version=row.version,
    )
    if row.runtime is Runtime.EXTERNAL:
        return shown
    seen, size = row.seen, row.resources
    cpus = size.cpu_millis / 1000
    return shown.model_copy(
        update={
            "desired_state": row.desired,
            "observed_state": seen.state,
            "health": seen.health,
            "reason": _reason(seen),
            "image": row.image,
            "resources": ResourcesOut(memory_mb=size.memory_mb, cpus=cpus, pids=size.pids),
            "network": row.network,
            "port": row.port,
            "container_id": seen.container_id,
        }
    )


def _reason(seen: Observation) -> ReasonOut | None:
    if seen.failure is None:
        return None
    return ReasonOut(
        code=seen.failure,
        detail=seen.detail,
        failures=seen.failures,
        retry_at=seen.retry_at,
    )
