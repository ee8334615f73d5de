"""The roll of bots: what the directory shows of those that one engine runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from application.reconciling import Enrolled
from domain.bot_events import DesiredState
from domain.container_plans import Wanted
from domain.containers import ContainerSpec, NetworkPolicy
from projections.bot_directory import BotRow


class DirectoryRoll:
    """Plays `Roll`."""

    def __init__(self, rows: Callable[[], Iterable[BotRow]], runtime: str) -> None:
        """`rows` answers the whole directory, of all teams."""
        self._rows = rows
        self._runtime = runtime

    def bots(self) -> Sequence[Enrolled]:
        return [enrolled(row) for row in self._rows() if row.runtime == self._runtime]


def enrolled(row: BotRow) -> Enrolled:
    """The bot as its row says."""
    spec = ContainerSpec(
        bot_id=row.bot_id,
        team_id=row.team_id,
        hostname=row.hostname,
        generation=row.generation,
        image=row.image,
        resources=row.resources,
        network=NetworkPolicy.CUT if row.quarantined else row.network,
        port=row.port,
    )
    wanted = Wanted(spec=spec, runs=row.desired is DesiredState.RUNNING)
    return Enrolled(bot_id=row.bot_id, wanted=wanted, last=row.seen)
