"""What skills look like, coming in and going out."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, JsonValue, StringConstraints

from api.catalog_pages import CatalogQuery, Entry
from api.routing_entry_shapes import Text
from api.shapes import Body, Query
from api.strict_domain import strictly
from domain.archives import NotAnArchive
from domain.errors import InvalidFields
from domain.skill_content import SkillDefinition, SkillKind, definition_of
from domain.skill_events import SkillSource, SyncReport
from domain.skill_markdown import SkillFolder, skills_in

# A JSON text of ours has at most 64 KiB, so what is longer comes in parts.
Part = Annotated[str, StringConstraints(min_length=1)]
Parts = Part | Annotated[list[Part], Field(min_length=1, max_length=100)]
SkillName = Annotated[
    str, StringConstraints(max_length=64, pattern=r"^[a-z0-9](-?[a-z0-9])*$")
]
Description = Annotated[
    str, StringConstraints(max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]*$")
]
Label = Annotated[str, StringConstraints(max_length=60, pattern=r"^[!-~]*$")]
AKind = Annotated[SkillKind, strictly(SkillKind)]
ASource = Annotated[SkillSource, strictly(SkillSource)]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
TypeSlug = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_WORD = r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}"
Slug = Annotated[str, StringConstraints(pattern=rf"^({_WORD}/)?{_WORD}$")]
Status = Literal["listed", "pending", "approved", "recalled"]


class SkillBody(Body):
    """Either `definition`, of its kind; or `archive`: a zip, tar or tar.gz in base64.

    Of an archive, name, description and version are read from its SKILL.md, unless given.
    """

    name: SkillName | None = None
    description: Description | None = None
    kind: AKind | None = None
    definition: dict[str, JsonValue] | str | None = None
    archive: Parts | None = None
    skill_type: TypeSlug | None = None
    version: Label | None = None

    def folder(self) -> SkillFolder | None:
        """The one skill of the archive or definition; None if neither is given."""
        if self.archive is not None:
            if self.definition is not None or self.kind is not None:
                raise InvalidFields(archive="not-with-a-definition")
            folders = skills_in(decoded(self.archive))
            if len(folders) > 1:
                raise NotAnArchive("several-skills")
            return folders[0]
        if self.definition is None:
            return None
        if self.kind is None:
            raise InvalidFields(kind="missing")
        content = definition_of(self.kind, self.definition)
        return SkillFolder(folder="", name="", description="", label="", content=content)


def decoded(parts: str | list[str]) -> bytes:
    """The bytes of the base64; refused if it is none."""
    try:
        return b64decode(parts if isinstance(parts, str) else "".join(parts), validate=True)
    except ValueError as error:
        raise NotAnArchive("not-base64") from error


class Approval(Body):
    """The hash of what the person looked at; without a version, of the last one."""

    content_hash: Hash
    version: Annotated[int, Field(ge=1)] | None = None


class Recall(Body):
    content_hash: Hash
    reason: Annotated[Text, Field(min_length=1)]


class NewSync(Body):
    """A folder has `archive`; a registry `url`, `slugs`; a list `url` or `document`."""

    source: ASource
    archive: Parts | None = None
    document: Parts | None = None
    url: Annotated[str, StringConstraints(max_length=2_000)] | None = None
    origin: Annotated[Text, StringConstraints(max_length=200)] = ""
    slugs: Annotated[list[Slug], Field(max_length=1_000)] = Field(default=[])
    skill_types: Annotated[list[TypeSlug], Field(max_length=50)] = Field(default=[])


class SkillsQuery(CatalogQuery):
    kind: SkillKind | None = None
    skill_type: str | None = None
    status: Status | None = None


class SkillQuery(Query):
    """One skill in one of its versions; without it, in the last."""

    version: Annotated[int, Field(ge=1)] | None = None
    locale: str | None = None


class ProvenanceOut(BaseModel):
    source: SkillSource
    origin: str
    owner: str
    slug: str
    version: str
    url: str
    digest: str


class SkillVersionOut(BaseModel):
    number: int
    kind: SkillKind
    content_hash: str
    label: str
    approved: bool
    recalled: bool
    recall_reason: str | None


class SkillOut(Entry):
    """A skill: a `listed` one has no content yet, a `pending` one waits for approval."""

    name: str
    description: str
    skill_type: str | None
    skill_type_name: str | None
    status: Status
    kind: SkillKind | None
    content_hash: str | None
    version_number: int | None
    version_label: str
    provenance: ProvenanceOut
    versions: list[SkillVersionOut]


class SkillFileOut(BaseModel):
    path: str
    size: int
    sha256: str


class WholeSkillOut(SkillOut):
    """A skill with what it says, in one of its versions."""

    definition: Any = None
    files: list[SkillFileOut] = Field(default=[])


class SkillTypeOut(BaseModel):
    slug: str
    name: str
    names: dict[str, str]
    icon: str
    sort_order: int


class RecallOut(BaseModel):
    content_hash: str
    reason: str
    skills: list[str]  # ids of the team's skills with a version of that content


class SyncOut(BaseModel):
    """What a source had, against what the team had. Nothing was taken away or approved."""

    id: str
    source: SkillSource
    origin: str
    digest: str
    added: list[str]
    changed: list[str]
    removed: list[str]
    unchanged: int
    skipped: list[str]


def sync_shown(report: SyncReport) -> SyncOut:
    return SyncOut(
        id=str(report.id),
        source=report.source,
        origin=report.origin,
        digest=report.digest,
        added=list(report.added),
        changed=list(report.changed),
        removed=list(report.removed),
        unchanged=report.unchanged,
        skipped=list(report.skipped),
    )


def said_in(content: SkillDefinition) -> dict[str, Any]:
    """What the content says, and its files by name and hash."""
    is_text = content.kind is SkillKind.MARKDOWN
    files = [(one.path, one.content) for one in content.files]
    return {
        "definition": content.definition if is_text else json.loads(content.definition),
        "files": [
            SkillFileOut(
                path=path, size=len(inside), sha256=hashlib.sha256(inside).hexdigest()
            )
            for path, inside in files
        ],
    }
