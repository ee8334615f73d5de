"""`/api/audit`: what was signed of the log, proofs out of it, and the team's own export.

Whoever keeps a checkpoint can later prove that nothing under it was changed. A proof is of
one's own team's events; a tree's hashes tell nothing of the others'. All of it is verified
with `verifier/verify_log.py`, without us.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from api import shapes
from api.callers import NoteRead, TheUser
from api.cloud_events import cloud_events_table
from api.exports import NDJSON, PARQUET, TYPES
from api.wired import TheSystem
from application.sealing import SignedCheckpoint, consistency, latest, prove
from domain.sealing.proofs import Addition, inclusion_text

router = APIRouter(prefix="/api/audit", tags=["audit"])

LARGEST = 2**53 - 1
FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {NDJSON: {"schema": {"type": "string"}}, PARQUET: {}}}
}
Size = Annotated[int, Field(ge=0, le=LARGEST)]


class CheckpointOut(BaseModel):
    """A checkpoint (C2SP tlog-checkpoint in a signed note), and the key that signed it."""

    size: int
    note: str
    key: str


class ProofOut(BaseModel):
    """That an event is in the log; hashes are in hex, `tlog_proof` is all of it as text."""

    log_index: int
    header: str
    leaf_hash: str
    proof: list[str]
    checkpoint: CheckpointOut
    tlog_proof: str


class ConsistencyQuery(shapes.Query):
    """Two sizes of the log; without `to`, the last one that was signed."""

    old: Size = Field(alias="from")
    new: Size | None = Field(default=None, alias="to")


class ConsistencyOut(BaseModel):
    """That the log of size `to` begins with the log of size `from`; hashes are in hex.

    `add_checkpoint` asks a witness (C2SP tlog-witness) for its name under the last
    checkpoint; it is null unless the proof leads there.
    """

    old: int = Field(serialization_alias="from")
    new: int = Field(serialization_alias="to")
    proof: list[str]
    checkpoint: CheckpointOut
    add_checkpoint: str | None


@router.get("/checkpoint")
def checkpoint(_: TheUser, system: TheSystem) -> CheckpointOut:
    """The last checkpoint. 409 `nothing-is-signed-yet` in an instance's first seconds."""
    return _shown(latest(system.sealed_log))


@router.get("/proof/{log_index}")
def proof(
    log_index: Annotated[int, Path(ge=0, le=LARGEST)], user: TheUser, system: TheSystem
) -> ProofOut:
    """That an event of the team is in the log under the last checkpoint."""
    found = prove(system.sealed_log, user.team_id, log_index)
    return ProofOut(
        log_index=log_index,
        header=found.header.decode(),
        leaf_hash=found.leaf.hex(),
        proof=[step.hex() for step in found.proof],
        checkpoint=_shown(found.checkpoint),
        tlog_proof=inclusion_text(log_index, found.proof, found.checkpoint.note),
    )


@router.get("/consistency")
def consistent(
    query: Annotated[ConsistencyQuery, Query()], _: TheUser, system: TheSystem
) -> ConsistencyOut:
    """That nothing under an earlier size was changed up to a later one."""
    last = latest(system.sealed_log)
    new = last.size if query.new is None else query.new
    found = consistency(system.sealed_log, query.old, new)
    asked = Addition(old=found.old, proof=found.proof, note=last.note)
    return ConsistencyOut(
        old=found.old,
        new=found.new,
        proof=[step.hex() for step in found.proof],
        checkpoint=_shown(last),
        add_checkpoint=asked.text if found.new == last.size else None,
    )


class ExportQuery(shapes.Query):
    """Lines as they are verified, or the same as a table."""

    format: Literal["ndjson", "parquet"] = "ndjson"


@router.get("/export", response_class=StreamingResponse, responses=FILES)
def export(
    query: Annotated[ExportQuery, Query()],
    user: TheUser,
    system: TheSystem,
    note_read: NoteRead,
) -> StreamingResponse:
    """The team's sealed events as CloudEvents 1.0, one a line, each with its proof.

    The first line is the checkpoint that the proofs lead to. `data` is what is stored, byte
    for byte. `?format=parquet`: a row a line, a column for each attribute.
    """
    note_read("")
    lines = system.team_export.lines(user.team_id)
    name = f'attachment; filename="audit.{query.format}"'
    return StreamingResponse(
        lines if query.format == "ndjson" else cloud_events_table(lines),
        media_type=TYPES[query.format],
        headers={"Content-Disposition": name},
    )


def _shown(signed: SignedCheckpoint) -> CheckpointOut:
    return CheckpointOut(size=signed.size, note=signed.note, key=signed.key)
