"""Rendered files and folders for tests of the store."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from adapters.workspace.store import WorkspaceFolders
from domain.workspace.rendered import Area, Rendered, RenderedFile

BOT = UUID("0192f0c1-0000-7000-8000-000000000001")


def file(path: str, text: str, *, seed: bool = False) -> RenderedFile:
    area, _, below = path.partition("/")
    return RenderedFile(area=Area(area), path=below, content=text.encode(), seed=seed)


SOUL = file("workspace/SOUL.md", "# Soul\n")
NOTEBOOK = file("workspace/USER.md", "# People\n", seed=True)
SKILL = file("config/skills/notes/SKILL.md", "---\nname: notes\n---\n")
CONFIG = file("config/openclaw.json", '{"a": 1}\n')
TOKENS = file("secrets/bot.json", '{"botToken": "canary", "n": [1, {"x": "canary"}]}')
ALL = (TOKENS, SOUL, NOTEBOOK, SKILL, CONFIG)


def rendered(*files: RenderedFile) -> Rendered:
    return Rendered(files=files, notes=(), revision="r")


def store_in(folder: Path) -> WorkspaceFolders:
    return WorkspaceFolders(folder / "data", folder / "secrets")
