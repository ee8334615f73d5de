"""Where answers to writes with an Idempotency-Key are kept, as a role; adapters play it.

The record of a write is committed with the write itself: inside `along`, the first unit of
work that commits carries it. So a record without an answer says that the write was
carried out and that its answer is not known (yet).
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from domain.errors import Conflict, Invalid


class KeyIsInUse(Conflict):
    """A write with this Idempotency-Key was carried out; its answer is not there (yet)."""


class KeyIsReused(Invalid):
    """This Idempotency-Key came with another request before."""

    code = "idempotency-key-reused"


@dataclass(frozen=True, kw_only=True)
class Write:
    """One write as its caller names it."""

    scope: str  # team, principal, method and path: keys of others never meet
    key: str
    request_hash: bytes


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was answered; it may hold a token that is shown once."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def is_told_of(scope: str, principal: str) -> bool:
    """Whether an answer of that scope may tell of the person: see `forget`."""
    mine = f" {principal} " in scope
    return mine or scope.startswith("nobody ") or " /api/team" in scope


class Carried(Protocol):
    """One write while it runs."""

    committed: bool  # a unit of work did, and the record with it

    def keep(self, answer: Answer) -> None:
        """The answer is found from now on; `KeyIsInUse` if another write has the key."""


class IdempotencyStore(Protocol):
    """Keeps answers sealed, for a day."""

    def find(self, write: Write) -> Answer | None:
        """The answer it got, None if it is new; `KeyIsReused`, or `KeyIsInUse`."""

    def forget(self, principal: str) -> None:
        """No answer is kept that was given to them, to a stranger, or about a team.

        Those may tell of a person who is erased; who asks again is answered anew.
        """

    def along(self, write: Write) -> AbstractContextManager[Carried]:
        """What commits inside commits the record too, or is refused with `KeyIsInUse`."""
