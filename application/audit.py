"""Audit: what was recorded, by whom, and the state it led to, event by event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from application.event_log import EventLog
from domain.access import Attempt
from domain.analytics_logins import AnalyticsLogin
from domain.api_tokens import TokenShelf
from domain.bots import Bot
from domain.calls import Call
from domain.calls_months import CallsMonth
from domain.claims import Claim
from domain.errors import InvalidFields, NotFound
from domain.events import Aggregate, Event, Recorded
from domain.ids import TeamId
from domain.invoices import Invoice, InvoiceShelf
from domain.kek import KekRotation
from domain.keys import ProviderKey
from domain.log import CALLS, FLEET
from domain.model_prices import ModelPrice
from domain.notices import NoticeReader
from domain.parking import ParkedProjection
from domain.persona_templates import PersonaShelf
from domain.plugins import PluginShelf
from domain.quota_windows import QuotaWindow
from domain.quotas import Quota
from domain.routing_entries import TeamShelf
from domain.runs import Run
from domain.sessions import Session
from domain.sign_in_codes import SignInCode
from domain.skill_content import KeptContent
from domain.skills import SkillShelf
from domain.teams import Team
from domain.users import User
from domain.webhooks import WebhookShelf

KINDS: dict[str, tuple[str, Aggregate[Any]]] = {
    "bot": (FLEET, Bot()),
    "provider_key": (FLEET, ProviderKey()),
    "team": (FLEET, Team()),
    "user": (FLEET, User()),
    "session": (FLEET, Session()),
    "sign_in_code": (FLEET, SignInCode()),
    "access": (FLEET, Attempt()),
    "api_token": (FLEET, TokenShelf()),
    "claim": (FLEET, Claim()),
    "invoice": (FLEET, Invoice()),
    "invoice_shelf": (FLEET, InvoiceShelf()),
    "kek": (FLEET, KekRotation()),
    "model_price": (FLEET, ModelPrice()),
    "notice_reader": (FLEET, NoticeReader()),
    "projection": (FLEET, ParkedProjection()),
    "routing_shelf": (FLEET, TeamShelf()),
    "plugin_shelf": (FLEET, PluginShelf()),
    "persona_shelf": (FLEET, PersonaShelf()),
    "skill": (FLEET, SkillShelf()),
    "skill_content": (FLEET, KeptContent()),
    "quota": (FLEET, Quota()),
    "quota_window": (FLEET, QuotaWindow()),
    "webhook": (FLEET, WebhookShelf()),
    "run": (FLEET, Run()),
    "call": (CALLS, Call()),
    "calls_month": (FLEET, CallsMonth()),
    "analytics_login": (FLEET, AnalyticsLogin()),
}


@dataclass(frozen=True, kw_only=True)
class When:
    """A time, or a position of the log, which tells it exactly; neither: now."""

    time: datetime | None = None
    position: int | None = None


NOW = When()

Step = tuple[Recorded[Event], Aggregate[Any]]


def replay(
    event_log: EventLog,
    kind: str,
    stream_id: UUID,
    *,
    until: When = NOW,
    team_id: TeamId | None = None,
) -> Iterator[Step]:
    """Each event of the stream, oldest first, with the state just after it.

    Refused if the stream holds nothing by then, or is of another kind. With a team, also if
    another began it, and without what others did since: the claim of a host's port goes
    from one team to the next.
    """
    history = event_log.history(stream_id, at=until.time, upto=until.position)
    if not history or not history[0].event.TOPIC.startswith(f"{kind}."):
        raise NotFound(stream_id)
    if team_id is not None and history[0].team_id != team_id:
        raise NotFound(stream_id)
    _, state = KINDS[kind]
    for recorded in history:
        state = state.evolve(recorded.event)
        if _is_shown(recorded, team_id):
            yield recorded, state


def _is_shown(recorded: Recorded[Event], team_id: TeamId | None) -> bool:
    return team_id is None or recorded.team_id in {team_id, None}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A stream at two moments; `before` is None if it held nothing yet."""

    before: Step | None
    after: Step
    between: list[Step]  # what led from the one to the other


def compare(  # noqa: PLR0913 - what is compared
    event_log: EventLog,
    kind: str,
    stream_id: UUID,
    *,
    since: When | None,
    until: When,
    team_id: TeamId | None = None,
) -> Comparison:
    """The stream as it was at both; without `since`, from before its first event.

    `NotFound` if there is none of that kind by the later one, `InvalidFields` if the
    earlier one is later.
    """
    steps = list(replay(event_log, kind, stream_id, until=until, team_id=team_id))
    seen = 0
    if since is not None:
        history = event_log.history(stream_id, at=since.time, upto=since.position)
        seen = sum(_is_shown(one, team_id) for one in history)
    if seen > len(steps):
        raise InvalidFields(**{"from": "beyond-to"})
    return Comparison(
        before=steps[seen - 1] if seen else None,
        after=steps[-1],
        between=steps[seen:],
    )
