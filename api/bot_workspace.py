"""`GET /api/bot/{hostname}/workspace`: the files a bot reads, with every secret masked."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.bot_reading import TheBots
from api.callers import NoteRead
from api.locales import Languages, TheLanguages
from api.positions import reached
from api.wired import TheSystem
from application.workspace_store import ShownWorkspace
from domain.bot_events import Runtime
from domain.bots import BotHasNoContainer

router = APIRouter(prefix="/api/bot", tags=["bots"])


class WorkspaceFileOut(BaseModel):
    """`area` is the folder that it lies in; of secrets, only the shape is shown."""

    area: Literal["config", "workspace", "secrets"]
    path: str
    text: str


class NoteOut(BaseModel):
    """Something that the bot was to have and does not, or that people should know."""

    code: str
    subject: str
    message: str


class WorkspaceOut(BaseModel):
    """`in_step` is null while nothing is on disk: then the files are what would be."""

    revision: str | None
    in_step: bool | None
    failure: str | None
    detail: str
    files: list[WorkspaceFileOut]
    notes: list[NoteOut]


@router.get("/{hostname}/workspace")
def workspace(  # noqa: PLR0913, PLR0917 - what the framework hands in
    hostname: str,
    bots: TheBots,
    system: TheSystem,
    languages: TheLanguages,
    response: Response,
    note_read: NoteRead,
) -> WorkspaceOut:
    """The files as they are on the worker's disk, or as they would be."""
    reached(response, system.fleet.head())
    if bots.row(hostname).runtime is Runtime.EXTERNAL:
        raise BotHasNoContainer
    note_read(hostname)
    found = system.fleet_watch.workspace(bots.id_of(hostname))
    return workspace_shown(found, languages)


def workspace_shown(found: ShownWorkspace, languages: Languages) -> WorkspaceOut:
    """A workspace as it goes out."""
    return WorkspaceOut(
        revision=found.revision,
        in_step=found.in_step,
        failure=found.failure,
        detail=found.detail,
        files=[
            WorkspaceFileOut(area=file.area.value, path=file.path, text=file.text)
            for file in found.files
        ],
        notes=[
            NoteOut(
                code=note.code,
                subject=note.subject,
                message=languages.of({"en": note.en, "zh": note.zh}),
            )
            for note in found.notes
        ],
    )
