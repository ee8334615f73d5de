"""What a SKILL.md says of itself, and which skills an archive or a list holds."""

from __future__ import annotations

import pytest
from hypothesis import given as supposing
from hypothesis import strategies as st

from adapters.catalog.equipment_catalog import load_equipment_catalog
from domain.archives import NotAnArchive
from domain.errors import InvalidFields
from domain.skill_content import SkillKind
from domain.skill_lists import content_url, listed_in
from domain.skill_markdown import frontmatter, read_skill, skills_in
from tests.domain.test_archives import gzipped, zipped

TEXT = b"""---
name: release-notes
description: >-
  Writes notes
  of a release.
version: "1.2.0"
homepage: https://example.com # theirs
metadata:
  openclaw: {"requires": {"bins": ["git"]}}
tags: [a, b]
quoted: 'it''s'
---
# How
Read the log.
"""
TYPES = load_equipment_catalog().skill_types
LIST = """# Awesome
<details><summary><h3 style="x">Git &amp; GitHub</h3></summary>

- [notes](https://github.com/openclaw/skills/tree/main/skills/ada/notes/SKILL.md) - Notes.
- [notes](https://github.com/openclaw/skills/tree/main/skills/bob/notes/SKILL.md) - Later.
- [page](https://example.com/page) - No skill.
<summary><h3>Brand New!</h3></summary>
* [x](https://example.com/skills/eve/x/SKILL.md)
- [y](ftp://example.com/skills/eve/y/SKILL.md) - Nowhere to be read.
"""


def test_texts_at_the_left_edge_are_read() -> None:
    assert frontmatter(TEXT.decode()) == {
        "name": "release-notes",
        "description": "Writes notes of a release.",
        "version": "1.2.0",
        "homepage": "https://example.com",
        "quoted": "it's",
    }
    assert frontmatter("# No frontmatter\nname: x") == {}
    assert frontmatter("---\nname: x\n") == {}
    assert frontmatter('---\nname: "open\ntag: !!python/object x\nanchor: &a b\n---') == {}


@supposing(st.text(alphabet="ab:-|>'\"#\n \t{[&", max_size=200))
def test_any_frontmatter_is_read_or_passed_over(text: str) -> None:
    for key, value in frontmatter(f"---\n{text}\n---\n").items():
        assert key in text
        assert "\n" not in value


def test_a_folder_is_a_skill_with_its_files() -> None:
    (skill,) = skills_in(zipped({"notes/SKILL.md": TEXT, "notes/run.sh": b"\x00\xff"}))
    assert (skill.name, skill.label, skill.folder) == ("release-notes", "1.2.0", "notes")
    assert skill.content.kind is SkillKind.MARKDOWN
    assert skill.content.definition == TEXT.decode()
    (beside,) = skill.content.files
    assert (beside.path, beside.content) == ("run.sh", b"\x00\xff")
    (again,) = skills_in(gzipped({"SKILL.md": TEXT, "run.sh": b"\x00\xff"}))
    assert again.content == skill.content
    (other,) = skills_in(gzipped({"SKILL.md": TEXT, "run.sh": b"\x00\xfe"}))
    assert other.content.content_hash != skill.content.content_hash


def test_line_ends_and_a_mark_at_the_start_make_no_other_skill() -> None:
    windows = b"\xef\xbb\xbf" + TEXT.replace(b"\n", b"\r\n")
    assert read_skill(windows).content == read_skill(TEXT).content


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"   "])
def test_what_is_no_text_is_no_skill(text: bytes) -> None:
    with pytest.raises(InvalidFields):
        skills_in(zipped({"a/SKILL.md": text}))


def test_an_archive_without_a_skill_or_with_a_large_one_is_refused() -> None:
    with pytest.raises(NotAnArchive, match="no-skill"):
        skills_in(zipped({"a/README.md": TEXT}))
    with pytest.raises(NotAnArchive, match="too-large"):
        skills_in(zipped({"SKILL.md": TEXT, "x": bytes(1024 * 1024)}))
    with pytest.raises(NotAnArchive, match="too-many-files"):
        skills_in(zipped({"SKILL.md": TEXT, **{f"f{n}": b"" for n in range(100)}}))


def test_a_list_has_links_by_type_and_the_first_of_a_slug_wins() -> None:
    first, second = listed_in(LIST, TYPES)
    assert (first.slug, first.owner, first.skill_type) == ("notes", "ada", "git-github")
    assert first.description == "Notes."
    assert (second.slug, second.owner, second.skill_type) == ("x", "eve", "brand-new")


def test_a_page_of_github_is_read_where_its_bytes_are() -> None:
    page = "https://github.com/o/r/blob/main/skills/a/b/SKILL.md"
    raw = "https://raw.githubusercontent.com/o/r/main/skills/a/b/SKILL.md"
    assert content_url(page) == raw
    assert content_url("https://example.com/SKILL.md") == "https://example.com/SKILL.md"
