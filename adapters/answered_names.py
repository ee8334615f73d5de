"""By which names models answer to whoever asks for another one.

An alias (`chat`, a deployment, `…-latest`) is charged as what it stands for, and only the
answers tell what that is: a call is held for by all that was answered before. It is kept in
memory: of the first call of a process nothing is known.
"""

from __future__ import annotations

from uuid import UUID

MOST_ASKED = 4096  # names, of all teams; the oldest is forgotten
MOST_ANSWERED = 8  # names to one that is asked for; the first ones are kept

_Asked = tuple[int, str, str]  # a team by number, a vendor, the name that is asked for


class AnsweredNames:
    """Whose names come from answers, so there is no end of them."""

    def __init__(self) -> None:
        self._names: dict[_Asked, tuple[str, ...]] = {}

    def note(self, team_id: UUID, vendor: str, asked: str, answered: str) -> None:
        """A call for the one was answered under the other name."""
        key = (team_id.int, vendor, asked)
        names = self._names.get(key, ())
        if answered in names or len(names) == MOST_ANSWERED:
            return
        if not names and len(self._names) == MOST_ASKED:
            del self._names[next(iter(self._names))]
        self._names[key] = (*names, answered)

    def of(self, team_id: UUID, vendor: str, asked: str) -> tuple[str, ...]:
        """Every other name under which calls for that one were answered."""
        return self._names.get((team_id.int, vendor, asked), ())
