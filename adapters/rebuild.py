"""Rebuilds views from the logs beside the live ones, compares, and replaces what differs.

Copies are filled while the projector goes on. Then the live view's positions are locked,
which holds its projector for that moment, the copy is read on to exactly there, and both
are compared. What differs is put right in the same transaction (`postgres/view_copy.py`).

A view that is parked, never ran, or has rows of another version of its projector is not
compared where it stands: its copy is read to the log's head, and the view takes the copy's
rows, positions and version, and goes on. From then on whoever follows with the old version
moves nothing.

Several views share the pages of their logs and, where there is much to read, the machine's
CPUs: one process folds events on one CPU at a time. A view has no effect on anything but
its rows, so nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.bootstrap.followers import VIEWS, event_logs
from adapters.postgres.view_copy import Difference, RebuildIsRunning
from adapters.postgres.view_positions import stored_version
from adapters.rebuilds.processes import rebuild_in_processes
from adapters.rebuilds.shares import shares_of, useful_processes
from adapters.rebuilds.together import PAGE, Progress, opened, rebuild_together
from domain.errors import BadSetup

__all__ = ["Difference", "RebuildIsRunning", "outdated", "rebuild", "rebuild_views"]


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


def rebuild(
    url: str, view: str, *, check: bool, progress: Progress = _silent
) -> Difference:
    """How the view differs from its logs; unless it is a `check`, it does no more.

    `progress` is told how many positions are read, and of how many; what it raises ends the
    rebuild and leaves the view as it was. Raises `BadSetup` for a view that there is not,
    `RebuildIsRunning`, `EventIsPoison`, and `Unavailable`.
    """
    return rebuild_views(url, [view], check=check, progress=progress)[view]


def rebuild_views(
    url: str,
    views: Sequence[str],
    *,
    check: bool,
    progress: Progress = _silent,
    processes: int | None = None,
) -> dict[str, Difference]:
    """The same of several views, each replaced by itself.

    In up to that many processes; None: as many as there is work and CPUs for.
    """
    for view in views:
        if view not in VIEWS:
            msg = f"There is no view {view}; there are {', '.join(sorted(VIEWS))}."
            raise BadSetup(msg)
    shares = shares_of(views, processes or _processes(url, views))
    if len(shares) > 1:
        found = rebuild_in_processes(url, shares, check=check, progress=progress)
    else:
        found = rebuild_together(url, views, check=check, progress=progress)
    return {view: found[view] for view in views}


def _processes(url: str, views: Sequence[str]) -> int:
    if len(views) == 1:
        return 1
    with opened(url, size=1) as database:
        heads = {name: log.head() for name, log in event_logs(database).items()}
    return useful_processes(
        sum(heads[log] for view in views for log in VIEWS[view][0].logs)
    )


def outdated(url: str) -> list[str]:
    """The views whose rows are of another version than their projectors.

    And those that have read nothing yet of more than a page: until a new view has its rows,
    it has none.
    """
    with opened(url, size=2) as database, database.connection() as connection:
        heads = {name: log.head() for name, log in event_logs(database).items()}
        found = []
        for view, (projector, _) in VIEWS.items():
            version, position = stored_version(connection, view)
            much = sum(heads[log] for log in projector.logs) > PAGE
            if version not in {None, projector.version} or (much and not position):
                found.append(view)
    return found
