"""Proofs as text, each with the signed checkpoint that it leads to.

Inclusion is a C2SP tlog-proof; consistency is the body of a C2SP tlog-witness
`add-checkpoint`, so that any witness of that network can be asked with it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass

from domain.sealing.merkle import HASH_BYTES
from domain.sealing.notes import NotANote, decoded

MOST_STEPS = 63
_OLD = re.compile(r"old (0|[1-9][0-9]{0,17})", re.ASCII)


def inclusion_text(index: int, proof: list[bytes], note: str) -> str:
    """A tlog-proof of the leaf at `index`."""
    return f"c2sp.org/tlog-proof@v1\nindex {index}\n{_lines(proof)}\n{note}"


@dataclass(frozen=True, kw_only=True)
class Addition:
    """What a witness is asked: to sign `note`, which begins with the first `old` leaves."""

    old: int
    proof: list[bytes]
    note: str

    @property
    def text(self) -> str:
        """As a witness reads it."""
        return f"old {self.old}\n{_lines(self.proof)}\n{self.note}"

    @classmethod
    def parse(cls, text: str) -> Addition:
        """What that text asks; `NotANote`."""
        head, blank, note = text.partition("\n\n")
        first, *steps = head.split("\n")
        old = _OLD.fullmatch(first)
        if not blank or old is None or len(steps) > MOST_STEPS:
            raise NotANote
        proof = [decoded(step) for step in steps]
        if any(len(step) != HASH_BYTES for step in proof):
            raise NotANote
        return cls(old=int(old[1]), proof=proof, note=note)


def _lines(proof: list[bytes]) -> str:
    return "".join(f"{b64encode(step).decode()}\n" for step in proof)
