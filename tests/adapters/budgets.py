"""Budgets on a real server: quotas set by SQL, calls that want to hold, the balances."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import psycopg

from adapters.bootstrap.followers import event_logs
from adapters.postgres.call_lease import LEASE_SECONDS
from adapters.postgres.reaper import Reaper
from application.balances import fold
from domain.budgets import LEAST_OUTPUT, Granted, Need
from domain.calls import CallAdmitted, CallFacts
from domain.holds import Balance, Balances, PassedOver, WindowId
from domain.log import CALLS
from domain.quotas import Metric, Mode, ScopeKind, Window, scope_key
from domain.routing_kept import KeptRouting
from tests.projections.given import TEAM, admitted
from tests.projections.given_logs import database


@dataclass(frozen=True, kw_only=True)
class Wanting:
    """Plays `Wants`: a call that asks for so many tokens, at a micro-dollar each."""

    event: CallAdmitted
    input_tokens: int
    most_output: int
    elsewhere: tuple[Wanting, ...] = ()

    @property
    def facts(self) -> CallFacts:
        return self.event.facts

    @property
    def routing(self) -> KeptRouting | None:
        return self.event.routing

    def scope_keys(self) -> tuple[str, ...]:
        team, bot = self.facts.team_id, self.facts.bot_id
        return (
            scope_key(team, ScopeKind.TEAM, str(team)),
            scope_key(team, ScopeKind.BOT, str(bot)),
            scope_key(team, ScopeKind.MODEL, self.facts.requested_model or ""),
        )

    def need(self) -> Need:
        return Need(
            input_tokens=self.input_tokens,
            least_output=min(self.most_output, LEAST_OUTPUT),
            most_output=self.most_output,
            cost=lambda into, out: into + out,
        )

    def admitted(
        self, granted: Granted, passed_over: tuple[PassedOver, ...] = ()
    ) -> CallAdmitted:
        return replace(self.event, holds=granted.holds, passed_over=passed_over)

    @property
    def has_others(self) -> bool:
        return bool(self.elsewhere)

    def others(self) -> Sequence[Wanting]:
        return self.elsewhere


def wanting(
    of: CallFacts, into: int = 10, most: int = 20, *, process: UUID | None = None
) -> Wanting:
    event = admitted(of) if process is None else admitted(of, process=process)
    return Wanting(event=event, input_tokens=into, most_output=most)


def set_quota(
    url: str,
    limit: int,
    metric: Metric = Metric.TOKENS,
    *,
    scope: ScopeKind = ScopeKind.TEAM,
    scope_id: str = str(TEAM),
    window: Window = Window.TOTAL,
    mode: Mode = Mode.BLOCK,
    team: UUID = TEAM,
) -> UUID:
    """A quota of the team, in force from now on."""
    quota_id = uuid4()
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO quota (quota_id, team_id, scope_kind, scope_id, scope_key, metric,"
            ' "window", time_zone, "limit", mode, version) '
            "VALUES (%s, %s, %s, %s, %s, %s, %s, 'UTC', %s, %s, 1)",
            (
                quota_id,
                team,
                scope,
                scope_id,
                scope_key(team, scope, scope_id),
                metric,
                window,
                limit,
                mode,
            ),
        )
    return quota_id


def change_quota(url: str, quota_id: UUID, limit: int | None) -> None:
    """Another limit; None: the quota is gone."""
    with psycopg.connect(url) as connection:
        if limit is None:
            connection.execute("DELETE FROM quota WHERE quota_id = %s", (quota_id,))
        else:
            connection.execute(
                'UPDATE quota SET "limit" = %s, version = version + 1 WHERE quota_id = %s',
                (limit, quota_id),
            )


def balances(url: str) -> dict[WindowId, Balance]:
    """What the table says."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT quota_id, window_start, settled, held FROM quota_balance"
        ).fetchall()
    return {(q, start): Balance(settled=s, held=h) for q, start, s, h in rows}


def folded(url: str, look: Callable[[Balances], None] = lambda _: None) -> Balances:
    """What the log says; `look` sees the balances after every event."""
    found = Balances()
    with database(url) as opened:
        log = event_logs(opened)[CALLS]
        after, head = 0, log.head()
        while after < head:
            page = log.page(after=after, limit=1000, upto=head)
            for placed in page.events:
                fold(found, placed.recorded.event)
                look(found)
            after = page.upto
    return found


def reaped(url: str, process_id: UUID) -> int:
    """The reaper takes the process for dead; how many calls it ends."""
    with database(url) as opened:
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "SELECT extract(epoch FROM now() - pg_postmaster_start_time())::float"
            ).fetchone()
            assert row is not None
            time.sleep(max(0.0, LEASE_SECONDS + 0.1 - row[0]))
            connection.execute(
                "UPDATE call_lease SET ends_at = now() - interval '1 s' "
                "WHERE process_id = %s",
                (process_id,),
            )
        return Reaper(opened, event_logs(opened)[CALLS]).reap()
