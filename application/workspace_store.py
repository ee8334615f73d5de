"""Where the workspaces of bots are kept, as a role: `adapters/workspace/` plays it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from domain.errors import Unavailable
from domain.workspace.rendered import Area, Note, Rendered


class WorkspaceUnavailable(Unavailable):
    """The folders of a bot cannot be read or written now: no space, or no disk."""

    code = "workspace-unavailable"


class NoSpace(WorkspaceUnavailable):
    """The disk is full; nothing was changed."""

    code = "no-space"


@dataclass(frozen=True, kw_only=True)
class HeldSecret:
    """A file of the secrets folder, and when it was put there."""

    content: bytes = field(repr=False)
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Folders:
    """What a container mounts, on the machine that runs it."""

    config: Path  # read-only to the bot
    workspace: Path
    state: Path
    secrets: Path  # read-only to the bot


@dataclass(frozen=True, kw_only=True)
class ShownFile:
    """A file as people may see it: of secrets only where there are some."""

    area: Area
    path: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ShownWorkspace:
    """A bot's workspace for people: as it is on disk or, before it ran, as it would be."""

    files: tuple[ShownFile, ...]
    revision: str | None = None  # of what it should be
    in_step: bool | None = None  # None: there is nothing on disk yet
    notes: tuple[Note, ...] = ()
    failure: str | None = None  # a code: why it cannot be made as the bot says
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class KeptWorkspace:
    """A bot's folders, whether or not there is such a bot."""

    bot_id: UUID
    changed_at: datetime  # when a file was last put there or taken away
    size_bytes: int


class WorkspaceStore(Protocol):
    """Keeps what was rendered, and beside it what bots make of their own folders.

    Nothing that a bot puts into its folders is ever followed out of them. Every method may
    raise `WorkspaceUnavailable`.
    """

    def folders(self, bot_id: UUID) -> Folders:
        """Where they are; they need not be there yet."""

    def put(self, bot_id: UUID, rendered: Rendered) -> Sequence[str]:
        """The folders hold just what was rendered; which files had to be changed.

        All files are written before the first one takes its place, in the order given.
        What the bot itself wrote stays, unless it stands in the place of one of ours.
        """

    def differing(self, bot_id: UUID, rendered: Rendered) -> Sequence[str]:
        """Which files are not as they were rendered; nothing is changed."""

    def secret(self, bot_id: UUID, path: str) -> HeldSecret | None:
        """What stands in that file of the secrets folder; None if there is none."""

    def with_secrets(self) -> frozenset[UUID]:
        """The bots that have a secrets folder."""

    def withdraw(self, bot_id: UUID) -> None:
        """The bot has no secrets folder any more."""

    def shown(self, bot_id: UUID) -> Sequence[ShownFile]:
        """The files that were rendered, as they are now, with every secret masked."""

    def kept_for(self, bot_id: UUID) -> Sequence[Path]:
        """What a backup of the bot holds: all that cannot be rendered again."""

    def kept(self, *, but: frozenset[UUID] = frozenset()) -> Sequence[KeptWorkspace]:
        """Every bot that has folders, but for these: a living bot's may be large."""

    def discard(self, bot_id: UUID) -> None:
        """The bot's folders are gone, with its memory and secrets."""
