"""The community's list of OpenClaw skills: a README with a heading for each skill type.

    section   <summary><h3 …>HEADING</h3></summary>
    entry     - [slug](https://…/owner/slug/SKILL.md) - description

An entry counts if its address ends in SKILL.md; the part of the path before the slug is its
owner, and the first of a slug wins. The list has links and no content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.equipment_catalog import SkillType
from domain.skill_sync import plain_name

LONGEST_LIST = 4 * 1024 * 1024  # bytes
LONGEST_LINE = 2_000

_HEADING = re.compile(r"<summary>\s*<h3[^>]{0,200}>([^<]{1,200})</h3>")
_ENTRY = re.compile(
    r"\s{0,8}[-*] \[([^\]\[]{1,200})\]\((https?://[^\s()]{1,500}/SKILL\.md)\)(.{0,1500})"
)
_FILE = re.compile(
    r"https://github\.com/([\w.-]+)/([\w.-]+)/(?:tree|blob)/([\w.-]+)/([\w./@+-]+)",
    re.ASCII,
)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One line of the list."""

    slug: str
    owner: str
    url: str
    description: str
    skill_type: str | None


def listed_in(text: str, types: Mapping[str, SkillType]) -> list[Listed]:
    """The entries of the list, in its order."""
    by_heading = {one.names["en"].lower(): one.slug for one in types.values()}
    first: dict[str, Listed] = {}
    for one in _entries(text, by_heading):
        first.setdefault(one.slug, one)
    return list(first.values())


def _entries(text: str, by_heading: Mapping[str, str]) -> Iterator[Listed]:
    skill_type: str | None = None
    for line in text.splitlines():
        if len(line) > LONGEST_LINE:
            continue
        heading = _HEADING.search(line)
        if heading is not None:
            words = heading[1].replace("&amp;", "&").strip()
            skill_type = by_heading.get(words.lower()) or plain_name(words) or None
            continue
        entry = _ENTRY.match(line)
        if entry is None:
            continue
        path = entry[2].split("/")
        yield Listed(
            slug=path[-2],
            owner=path[-3],
            url=entry[2],
            description=entry[3].strip().removeprefix("-").strip(),
            skill_type=skill_type,
        )


def content_url(url: str) -> str:
    """Where the bytes of a listed file are, which on GitHub is not where its page is."""
    found = _FILE.fullmatch(url)
    if found is None:
        return url
    owner, repository, branch, path = found.groups()
    return f"https://raw.githubusercontent.com/{owner}/{repository}/{branch}/{path}"
