"""Wires the commands that only the worker gives about bots."""

from __future__ import annotations

from functools import partial

from application import container_tokens, runs
from application.bus import Bus
from application.event_log import EventLog


def register_reconciling(bus: Bus, event_log: EventLog) -> None:
    """The bus knows what a look at a container may lead to."""
    bus.register(runs.RecordRun, partial(runs.record_run, event_log=event_log))
    bus.register(runs.LoseSight, partial(runs.lose_sight, event_log=event_log))
    bus.register(
        container_tokens.IssueContainerToken,
        partial(container_tokens.issue_container_token, event_log=event_log),
    )
