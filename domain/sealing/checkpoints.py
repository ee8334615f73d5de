"""A checkpoint: the size and the root of the tree, as text (C2SP tlog-checkpoint).

Three lines: the log's origin, its size, its root in base64. We write no others, and refuse
others: what is signed is no more than what we check.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass

from domain.errors import Conflict
from domain.sealing.merkle import HASH_BYTES, is_consistent
from domain.sealing.notes import NotANote, SignedNote, VerifierKey, Verify, decoded
from domain.sealing.tiles import Tree

_SIZE = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
LINES = 3


class LogWasForked(Conflict):
    """What is there now does not begin with what was signed before."""

    code = "log-was-forked"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a log held at one size."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """As it is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The checkpoint of that text; `NotANote` if one byte of it is odd."""
        lines = text.split("\n")
        if len(lines) != LINES + 1 or lines[LINES] or not lines[0]:
            raise NotANote
        if not _SIZE.fullmatch(lines[1]):
            raise NotANote
        root = decoded(lines[2])
        if len(root) != HASH_BYTES:
            raise NotANote
        return cls(origin=lines[0], size=int(lines[1]), root=root)

    def follows(self, last: Checkpoint, tree: Tree) -> None:
        """The tree proves that this one begins with `last`; `LogWasForked`."""
        if last.size > self.size or last.origin != self.origin:
            raise LogWasForked
        self.begins_with(last, tree.consistency(last.size))

    def begins_with(self, last: Checkpoint, proof: list[bytes]) -> None:
        """The proof holds that this one begins with `last`; `LogWasForked`."""
        holds = is_consistent(
            old=last.size,
            old_root=last.root,
            new=self.size,
            new_root=self.root,
            proof=proof,
        )
        if not holds or last.origin != self.origin:
            raise LogWasForked


def signed_checkpoint(note: str, key: VerifierKey, verify: Verify) -> Checkpoint:
    """The checkpoint that the key signed; `NotANote`, `NotSigned`."""
    parsed = SignedNote.parse(note)
    parsed.signed_by(key, verify)
    checkpoint = Checkpoint.parse(parsed.text)
    if checkpoint.origin != key.name:
        raise NotANote
    return checkpoint
