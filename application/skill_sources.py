"""Where skills come from: an upload, a list of links, or a registry that is asked.

What is read from outside goes through the outbound check of whoever plays `SkillSource`;
everything that comes from there waits for a person.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from domain.archives import LARGEST_WHOLE
from domain.equipment_catalog import SkillType
from domain.errors import InvalidFields
from domain.skill_content import SkillDefinition
from domain.skill_events import Provenance, SkillSource
from domain.skill_lists import LONGEST_LIST, content_url, listed_in
from domain.skill_markdown import read_skill, skills_in
from domain.skill_sync import Found, Looked, plain_name

MOST_ASKED = 10  # skills of a registry at once
LARGEST_ANSWER = 256 * 1024
LARGEST_SKILL_FILE = 256 * 1024


class Outside(Protocol):
    """Reads from addresses that users name."""

    def read(self, url: str, query: Mapping[str, str], *, most: int) -> bytes:
        """What is there, at most that many bytes.

        `UrlIsNotAllowed` or `DestinationIsNotPublic`: it may not be asked. `Unavailable`:
        there was no good answer.
        """


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def look_into_folder(archive: bytes, origin: str) -> Looked:
    """Every skill of an uploaded folder; `NotAnArchive`."""
    found = [
        Found(
            provenance=Provenance(
                source=SkillSource.FOLDER,
                origin=origin,
                slug=plain_name(one.name) or plain_name(one.folder.rpartition("/")[2]),
                version=one.label,
                digest=one.content.content_hash,
            ),
            description=one.description,
            content=one.content,
        )
        for one in skills_in(archive)
    ]
    return Looked(
        source=SkillSource.FOLDER,
        origin=origin,
        digest=digest_of(archive),
        found=found,
        whole=True,
    )


def look_at_list(
    document: str,
    origin: str,
    types: Mapping[str, SkillType],
    *,
    only_types: Collection[str] = (),
    only_slugs: Collection[str] = (),
) -> Looked:
    """The entries of the list, or those of some types and slugs."""
    found = [
        Found(
            provenance=Provenance(
                source=SkillSource.OPENCLAW_LIST,
                origin=origin,
                owner=one.owner,
                slug=one.slug,
                url=one.url,
            ),
            description=one.description,
            skill_type=one.skill_type,
        )
        for one in listed_in(document, types)
        if (not only_types or one.skill_type in only_types)
        and (not only_slugs or one.slug in only_slugs)
    ]
    if not found:
        raise InvalidFields(document="no-skill")
    return Looked(
        source=SkillSource.OPENCLAW_LIST,
        origin=origin,
        digest=digest_of(document.encode()),
        found=found,
        whole=not (only_types or only_slugs),
    )


def list_at(outside: Outside, url: str) -> str:
    """The text of a list; refused if it is none."""
    try:
        return outside.read(content_url(url), {}, most=LONGEST_LIST).decode()
    except UnicodeDecodeError as error:
        raise InvalidFields(url="not-text") from error


def content_at(outside: Outside, url: str) -> tuple[SkillDefinition, str]:
    """The skill that a listed `SKILL.md` describes, and the digest of what was read."""
    content = outside.read(content_url(url), {}, most=LARGEST_SKILL_FILE)
    return read_skill(content).content, digest_of(content)


def look_at_registry(outside: Outside, base: str, names: Sequence[str]) -> Looked:
    """The last versions of these skills, each `slug` or `owner/slug`.

    A registry as ClawHub is one: `/api/v1/skills/{slug}` describes a skill, and
    `/api/v1/download` has its folder as an archive.
    """
    found = [_registered(outside, base.rstrip("/"), name) for name in names]
    digests = "".join(one.provenance.digest for one in found)
    return Looked(
        source=SkillSource.REGISTRY,
        origin=base.rstrip("/"),
        digest=digest_of(digests.encode()),
        found=found,
        whole=False,
    )


def _registered(outside: Outside, base: str, name: str) -> Found:
    owner, _, slug = name.rpartition("/")
    asked = {"ownerHandle": owner} if owner else {}
    about = _object(
        outside.read(f"{base}/api/v1/skills/{slug}", asked, most=LARGEST_ANSWER)
    )
    version = _text(_inside(about, "latestVersion"), "version")
    owner = owner or _text(_inside(about, "owner"), "handle")
    wanted = {"slug": slug, "version": version, "ownerHandle": owner}
    archive = outside.read(
        f"{base}/api/v1/download",
        {key: value for key, value in wanted.items() if value},
        most=LARGEST_WHOLE,
    )
    skills = skills_in(archive)
    if len(skills) != 1:
        raise InvalidFields(slugs="not-one-skill")
    summary = _text(_inside(about, "skill"), "summary")
    return Found(
        provenance=Provenance(
            source=SkillSource.REGISTRY,
            origin=base,
            owner=owner,
            slug=slug,
            version=version or skills[0].label,
            digest=digest_of(archive),
        ),
        description=skills[0].description or summary,
        content=skills[0].content,
    )


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidFields(url="not-a-registry") from error
    if not isinstance(value, dict):
        raise InvalidFields(url="not-a-registry")
    return value


def _inside(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inside = value.get(name)
    return inside if isinstance(inside, dict) else {}


def _text(value: Mapping[str, Any], name: str) -> str:
    text = value.get(name)
    return text if isinstance(text, str) else ""
