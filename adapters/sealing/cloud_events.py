"""The lines of an export: CloudEvents 1.0, one a line, that can be verified as they stand.

`data` is what is stored, byte for byte, and the last member of its line; what is no JSON
is `data_base64`. Of our own are `streamversion`, and what ties the event to the tree:
`logindex` (text, for it may outgrow CloudEvents' integers), `leafheader`, and `leafhash`
or `inclusionproof` (the hashes end to end, in base64).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence

import orjson

from application.sealing import SignedCheckpoint
from domain.sealing.leaves import StoredEvent

CHECKPOINT = "clawbot.audit.checkpoint"


def checkpoint_line(checkpoint: SignedCheckpoint) -> bytes:
    """A checkpoint, with the key that signed it."""
    said = {
        "specversion": "1.0",
        "id": f"checkpoint/{checkpoint.size}",
        "source": "/clawbot/audit",
        "type": CHECKPOINT,
        "data": {"key": checkpoint.key, "note": checkpoint.note},
    }
    return orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)


def event_line(
    event: StoredEvent | None,
    *,
    index: int | None,
    header: bytes | None,
    ties: Mapping[str, str | None],
) -> bytes:
    """An event and its leaf; either may be missing where somebody took it away.

    `ties` is one of `leaf_tie` and `proof_tie`.
    """
    said: dict[str, object] = {"specversion": "1.0"}
    if event is not None:
        said |= {
            "id": f"{event.log}/{event.position}",
            "source": f"/clawbot/{event.log}",
            "type": event.topic,
            "subject": str(event.stream_id),
            "streamversion": event.version,
            "datacontenttype": "application/json",
        }
    if index is not None:
        said["logindex"] = str(index)
    if header is not None:
        said["leafheader"] = header.decode(errors="replace")
    said |= ties
    if event is None:
        return orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)
    if not _is_a_line_of_json(event.state):
        said["data_base64"] = b64encode(event.state).decode()
        return orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)
    return b'%b,"data":%b}\n' % (orjson.dumps(said)[:-1], event.state)


def leaf_tie(leaf: bytes | None) -> dict[str, str | None]:
    """The hash that the tree holds; None where it holds none."""
    return {"leafhash": None if leaf is None else leaf.hex()}


def proof_tie(proof: Sequence[bytes] | None) -> dict[str, str | None]:
    """The proof of inclusion; None where no checkpoint covers the event yet."""
    joined = None if proof is None else b64encode(b"".join(proof)).decode()
    return {"inclusionproof": joined}


def _is_a_line_of_json(state: bytes) -> bool:
    if b"\n" in state or b"\r" in state:
        return False
    try:
        orjson.loads(state)
    except orjson.JSONDecodeError:
        return False
    return True
