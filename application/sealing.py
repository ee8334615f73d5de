"""Proofs out of the sealed log, for those whose events are in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.errors import Conflict, InvalidFields, NotFound
from domain.sealing.checkpoints import LogWasForked
from domain.sealing.merkle import leaf_hash
from domain.sealing.tiles import Tree, TreeIsDamaged


@dataclass(frozen=True, kw_only=True)
class SignedCheckpoint:
    """A checkpoint as a signed note, and the key it was signed with, as text."""

    size: int
    key: str
    note: str


class SealedLog(Protocol):
    """The tree over all events, and what was signed of it."""

    def size(self) -> int: ...

    def tree(self, size: int) -> Tree: ...

    def header(self, team_id: UUID, index: int) -> bytes | None: ...

    def headers(
        self, team_id: UUID, *, after: int, limit: int
    ) -> list[tuple[int, bytes]]: ...

    def latest(self) -> SignedCheckpoint | None: ...


class TeamExport(Protocol):
    """A team's own events, each with the proof that it is in the log."""

    def lines(self, team_id: UUID) -> Iterator[bytes]: ...


class NothingIsSignedYet(Conflict):
    """There is no checkpoint yet that covers it; there is one within a second or two."""

    code = "nothing-is-signed-yet"


@dataclass(frozen=True, kw_only=True)
class Inclusion:
    """That one event is in the log: from its leaf to the root of the checkpoint."""

    index: int
    header: bytes
    leaf: bytes
    proof: list[bytes]
    checkpoint: SignedCheckpoint


@dataclass(frozen=True, kw_only=True)
class Consistency:
    """That the log of `new` events begins with the log of `old` ones."""

    old: int
    new: int
    proof: list[bytes]


def latest(log: SealedLog) -> SignedCheckpoint:
    """The last checkpoint; `NothingIsSignedYet`."""
    found = log.latest()
    if found is None:
        raise NothingIsSignedYet
    return found


def prove(log: SealedLog, team_id: UUID, index: int) -> Inclusion:
    """That an event of the team is in the log; `NotFound`, `NothingIsSignedYet`."""
    header = log.header(team_id, index)
    if header is None:
        raise NotFound
    checkpoint = latest(log)
    return Inclusion(
        index=index,
        header=header,
        leaf=leaf_hash(header),
        proof=inclusion(log, index, checkpoint),
        checkpoint=checkpoint,
    )


def inclusion(log: SealedLog, index: int, checkpoint: SignedCheckpoint) -> list[bytes]:
    """From the leaf at `index` to the checkpoint's root; `NothingIsSignedYet`."""
    if index >= checkpoint.size:
        raise NothingIsSignedYet
    return _from(log, checkpoint.size, lambda tree: tree.inclusion(index))


def consistency(log: SealedLog, old: int, new: int | None) -> Consistency:
    """Between two sizes that are signed over; without `new`, up to the last checkpoint."""
    signed = latest(log).size
    new = signed if new is None else new
    if not old <= new:
        raise InvalidFields(**{"from": "beyond-to"})
    if new > signed:
        raise InvalidFields(to="beyond-the-last-checkpoint")
    proof = _from(log, new, lambda tree: tree.consistency(old))
    return Consistency(old=old, new=new, proof=proof)


def _from(log: SealedLog, size: int, prove: Callable[[Tree], list[bytes]]) -> list[bytes]:
    """A proof; `LogWasForked` where the tree is not all there, such as after a restore."""
    try:
        return prove(log.tree(size))
    except TreeIsDamaged as error:
        raise LogWasForked from error
