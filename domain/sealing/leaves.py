"""The header of an event: what the tree commits to, in one canonical form.

    {"actor","at","log","position","state","stream","team","team_previous","team_seq",
     "topic","v","version"}

`state` is the SHA-256 of the bytes that are stored, as they are stored. `team_seq` counts
the events of one team from 1 on, and `team_previous` is the leaf hash of the one before:
a chain in which a team sees whether one of its events was left out. What belongs to no
team is a chain of its own. Canonical means RFC 8785 without floats: sorted names, no
blanks, UTF-8.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from domain.sealing.merkle import leaf_hash

FORM = 1  # of the header; a verifier knows by it what to expect


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredEvent:
    """A row of an event store, and the log it is in."""

    log: str
    position: int
    stream_id: UUID
    version: int
    topic: str
    state: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a header repeats of the state, so that it can be searched without it."""

    actor: str | None = None
    at: str | None = None
    team_id: UUID | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainEnd:
    """The last leaf of a team: its number in the team, and its hash."""

    seq: int = 0
    leaf: bytes | None = None  # None: the team has none yet


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """An event in the tree."""

    team_id: UUID | None
    team_seq: int
    header: bytes
    hash: bytes

    @property
    def chain_end(self) -> ChainEnd:
        """What the team's next leaf follows."""
        return ChainEnd(seq=self.team_seq, leaf=self.hash)


def said_in(state: bytes) -> Said:
    """What a stored state says of itself. Whatever is stored can be sealed: a state that is
    not in our form says nothing, and its header has null there."""
    try:
        found = json.loads(state)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return Said()
    return Said(
        actor=_text(found.get("actor")),
        at=_text(found.get("at")),
        team_id=_uuid(found.get("team_id")),
    )


def sealed(event: StoredEvent, said: Said, behind: ChainEnd) -> Leaf:
    """The event as a leaf that follows its team's last one."""
    header = canonical(
        {
            "actor": said.actor,
            "at": said.at,
            "log": event.log,
            "position": event.position,
            "state": sha256(event.state).hexdigest(),
            "stream": str(event.stream_id),
            "team": None if said.team_id is None else str(said.team_id),
            "team_previous": None if behind.leaf is None else behind.leaf.hex(),
            "team_seq": behind.seq + 1,
            "topic": event.topic,
            "v": FORM,
            "version": event.version,
        }
    )
    return Leaf(
        team_id=said.team_id,
        team_seq=behind.seq + 1,
        header=header,
        hash=leaf_hash(header),
    )


def canonical(header: dict[str, Any]) -> bytes:
    """The one way to write a header down."""
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.isascii() else None


def _uuid(value: object) -> UUID | None:
    """Written in the one way that `str` writes it, for a verifier has to agree."""
    try:
        found = UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if str(found) == value else None
