"""What rendering comes to: files by area, and notes for people about what was left out.

    config      read-only to the bot, for everybody to read
    workspace   the bot's own: it keeps its memory there, beside what we write
    secrets     read-only to the bot, and to nobody else

`revision` is a hash of all that is not secret, but for the place where the revision itself
stands; what a secret is does not change it, that it is another one does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

REVISION_LENGTH = 12


class Area(StrEnum):
    """A folder of its own, and what may be done there."""

    CONFIG = "config"
    WORKSPACE = "workspace"
    SECRETS = "secrets"

    @property
    def file_mode(self) -> int:
        """Who may read a file there."""
        return _MODES[self]


_MODES = {Area.CONFIG: 0o644, Area.WORKSPACE: 0o600, Area.SECRETS: 0o400}


@dataclass(frozen=True, kw_only=True)
class RenderedFile:
    """One file. A `seed` is written once: what the bot makes of it later stays."""

    area: Area
    path: str  # relative, parts divided by "/"
    content: bytes = field(repr=False)
    seed: bool = False

    @property
    def mode(self) -> int:
        """The file's permissions."""
        return self.area.file_mode


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something that the bot was to have and does not, in words for people."""

    code: str
    subject: str  # which channel, plugin, skill or vendor
    en: str
    zh: str


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """Files in the order to write them: what tells the bot of a change comes last."""

    files: tuple[RenderedFile, ...]
    notes: tuple[Note, ...]
    revision: str


def revision_of(shown: Iterable[RenderedFile], secrets_revision: str) -> str:
    """A short name for this content, none of it secret; the same content, the same name."""
    told = sha256(secrets_revision.encode())
    for file in sorted(shown, key=lambda file: (file.area, file.path)):
        for part in (file.area.encode(), file.path.encode(), file.content):
            told.update(len(part).to_bytes(8) + part)
    return told.hexdigest()[:REVISION_LENGTH]


def json_file(area: Area, path: str, content: Any) -> RenderedFile:
    """The file with the content as JSON, always written in the same way."""
    text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)
    return RenderedFile(area=area, path=path, content=f"{text}\n".encode())


def text_file(area: Area, path: str, content: str, *, seed: bool = False) -> RenderedFile:
    """The file with the text, which ends in one line feed."""
    text = content.strip("\n") + "\n" if content.strip("\n") else ""
    return RenderedFile(area=area, path=path, content=text.encode(), seed=seed)
