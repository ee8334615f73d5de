"""Skills as folders with a `SKILL.md`: what its frontmatter says, and what lies beside it.

Of the frontmatter only what stands at its left edge and is a text is read, by a reader of
our own: it cannot be made to expand, and knows no tags. The rest of it stays in the text.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.archives import Member, NotAnArchive, by_folder, opened
from domain.skill_content import (
    SkillDefinition,
    SkillFile,
    SkillKind,
    definition_of,
)

MARKER = "SKILL.md"
LARGEST_SKILL = 1024 * 1024  # bytes of all its files
MOST_SKILL_FILES = 100
MOST_LINES = 200  # of frontmatter

_MEMBER = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,63}):(?:[ \t]+(.*))?")
_BLOCK = re.compile(r"([|>])[+-]?[0-9]?")


@dataclass(frozen=True, kw_only=True)
class SkillFolder:
    """One skill of an archive."""

    folder: str  # in the archive; "" where it is the whole
    name: str  # as it calls itself, or its folder's name
    description: str
    label: str  # its version
    content: SkillDefinition


def frontmatter(text: str) -> Mapping[str, str]:
    """The texts at the left edge of the YAML between the first two `---`; none, often."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return {}
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), 0)
    if not 0 < end <= MOST_LINES:
        return {}
    return dict(_members(lines[1:end]))


def _members(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(lines):
        found = _MEMBER.fullmatch(lines[place].rstrip())
        place += 1
        below = place
        while below < len(lines) and (not lines[below].strip() or lines[below][0] in " \t"):
            below += 1
        if found is not None:
            value = _value((found[2] or "").strip(), lines[place:below])
            if value:
                yield found[1], value
        place = below


def _value(first: str, below: Sequence[str]) -> str:
    """A plain, quoted or block text in one line of words; "" for what is no text."""
    words = " ".join(line.strip() for line in below if line.strip())
    if _BLOCK.fullmatch(first):
        return words
    if not first or first[0] in "[{&*!%@`#":
        return ""
    whole = f"{first} {words}".strip()
    if whole[0] == '"':
        try:
            text = json.loads(whole)
        except ValueError:
            return ""
        return text if isinstance(text, str) else ""
    if whole[0] == "'":
        closed = len(whole) > 1 and whole[-1] == "'"
        return whole[1:-1].replace("''", "'") if closed else ""
    return whole.partition(" #")[0].strip()


def skills_in(archive: bytes) -> list[SkillFolder]:
    """Each folder with a `SKILL.md` in the archive; `NotAnArchive` if there is none."""
    folders = by_folder(opened(archive), MARKER)
    if not folders:
        raise NotAnArchive("no-skill")
    return [_skill(folder, files) for folder, files in sorted(folders.items())]


def _skill(folder: str, files: Sequence[Member]) -> SkillFolder:
    if len(files) > MOST_SKILL_FILES:
        raise NotAnArchive("too-many-files")
    if sum(len(one.content) for one in files) > LARGEST_SKILL:
        raise NotAnArchive("too-large")
    text = next(one.content for one in files if one.path == MARKER)
    beside = tuple(
        SkillFile(path=one.path, base64=b64encode(one.content).decode())
        for one in files
        if one.path != MARKER
    )
    return read_skill(text, beside, folder=folder)


def read_skill(
    text: bytes, beside: tuple[SkillFile, ...] = (), *, folder: str = ""
) -> SkillFolder:
    """The skill that a `SKILL.md` describes; refused if it is not plain text."""
    try:
        plain = text.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise NotAnArchive("not-text") from error
    said = frontmatter(plain)
    written = definition_of(SkillKind.MARKDOWN, plain)
    return SkillFolder(
        folder=folder,
        name=said.get("name") or folder.rpartition("/")[2],
        description=said.get("description", ""),
        label=said.get("version", ""),
        content=SkillDefinition(
            kind=SkillKind.MARKDOWN, definition=written.definition, files=beside
        ),
    )
