"""Happenings: what the events of the fleet mean to those who watch a team.

Some are notices, which are kept until somebody has read them; others tell only that a bot
or a key is otherwise than before. The same thing has the same id: what may happen again and
again is said once a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID, uuid5

from domain.bot_events import (
    BotCreated,
    BotDeleted,
    BotQuarantined,
    BotReleased,
    BotRestarted,
    BotStarted,
    BotStopped,
)
from domain.events import Event, Recorded
from domain.key_events import (
    ProviderKeyAdded,
    ProviderKeyChecked,
    ProviderKeyCooled,
    ProviderKeyDied,
    ProviderKeyDisabled,
    ProviderKeyEnabled,
    ProviderKeyParked,
    ProviderKeyRecovered,
    ProviderKeyRemoved,
    ProviderKeyRotated,
)
from domain.parking import ProjectionParked
from domain.quota_windows import QuotaExhausted, QuotaWarned
from domain.runs import RunObserved
from domain.user_events import UserPlaceSeen
from domain.verdicts import Verdict
from domain.webhooks import WebhookDisabled


class Kind(StrEnum):
    """What kind of thing happened; also the type of what is posted to a webhook."""

    QUOTA_WARNED = "quota.warned"
    QUOTA_EXHAUSTED = "quota.exhausted"
    KEY_DEAD = "key.dead"
    KEY_NO_FUNDS = "key.no_funds"
    KEY_COOLING = "key.cooling"
    BOT_FAILED = "bot.failed"
    WEBHOOK_DISABLED = "webhook.disabled"
    PROJECTION_PARKED = "projection.parked"
    USER_NEW_PLACE = "user.new_place"
    BOT_STATE = "bot.state"
    KEY_STATE = "key.state"


NOTICES = frozenset(Kind) - {Kind.BOT_STATE, Kind.KEY_STATE}

PERSONAL = frozenset({Kind.USER_NEW_PLACE})  # for the person alone who is the subject

Fact = str | int | None


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One thing that happened to something or somebody of a team, or to us."""

    id: UUID
    kind: Kind
    subject_id: UUID
    facts: Mapping[str, Fact]

    @property
    def subject_kind(self) -> str:
        """What the subject is: quota, key, bot, webhook, user or projection."""
        return self.kind.partition(".")[0]

    @property
    def only_for(self) -> UUID | None:
        """Whose business it is; None: the whole team's."""
        return self.subject_id if self.kind in PERSONAL else None


def happenings_of(recorded: Recorded[Event]) -> list[Happening]:
    """What the event means, perhaps nothing; at most one of it is a notice."""
    return [*_notices(recorded), *_states(recorded)]


def notice_of(recorded: Recorded[Event]) -> Happening | None:
    """The notice that the event gives, if any."""
    return next(_notices(recorded), None)


_BOT_CHANGES: dict[type[Event], str] = {
    BotCreated: "created",
    BotStarted: "start",
    BotRestarted: "restart",
    BotStopped: "stop",
    BotQuarantined: "quarantine",
    BotReleased: "release",
    BotDeleted: "deleted",
}
# None: what it is good for now is to be read, for it depends on what was before.
_KEY_CHANGES: dict[type[Event], str | None] = {
    ProviderKeyAdded: "active",
    ProviderKeyCooled: "cooling",
    ProviderKeyParked: "no_funds",
    ProviderKeyDied: "dead",
    ProviderKeyRecovered: "active",
    ProviderKeyDisabled: "disabled",
    ProviderKeyEnabled: "active",
    ProviderKeyRemoved: "removed",
    ProviderKeyRotated: None,
    ProviderKeyChecked: None,
}
_BAD = {Verdict.DEAD: Kind.KEY_DEAD, Verdict.NO_FUNDS: Kind.KEY_NO_FUNDS}


def _notices(recorded: Recorded[Event]) -> Iterator[Happening]:  # noqa: C901 - one each
    stream, event = recorded.originator_id, recorded.event
    once, a_day = str(recorded.originator_version), recorded.at.date().isoformat()
    match event:
        case QuotaWarned():
            facts = {"percent": event.warn_at_permille // 10, **_use(event)}
            yield _told(Kind.QUOTA_WARNED, event.quota_id, stream, once, facts)
        case QuotaExhausted():
            yield _told(Kind.QUOTA_EXHAUSTED, event.quota_id, stream, once, _use(event))
        case ProviderKeyDied():
            yield _told(Kind.KEY_DEAD, stream, stream, once, _answer(event))
        case ProviderKeyParked():
            yield _told(Kind.KEY_NO_FUNDS, stream, stream, once, _answer(event))
        case ProviderKeyChecked(verdict=verdict) if verdict in _BAD:
            yield _told(_BAD[verdict], stream, stream, a_day, _answer(event))
        case ProviderKeyCooled(until=until):
            facts = {"until": until.isoformat()}
            yield _told(Kind.KEY_COOLING, stream, stream, a_day, facts)
        case RunObserved(observation=seen) if seen.failure is not None:
            told_by = f"{seen.failure} {seen.tried} {a_day}"
            facts = {"failure": seen.failure, "exit_code": seen.exit_code}
            yield _told(Kind.BOT_FAILED, event.bot_id, stream, told_by, facts)
        case WebhookDisabled(webhook_id=webhook_id, reason=reason):
            facts = {"reason": reason}
            yield _told(Kind.WEBHOOK_DISABLED, webhook_id, stream, once, facts)
        case ProjectionParked(projection=name, log=log, position=position):
            facts = {"projection": name, "log": log, "position": position}
            yield _told(Kind.PROJECTION_PARKED, stream, stream, once, facts)
        case UserPlaceSeen(first=False):
            yield _told(Kind.USER_NEW_PLACE, stream, stream, once, {})
        case _:
            return


def _states(recorded: Recorded[Event]) -> Iterator[Happening]:
    stream, event = recorded.originator_id, recorded.event
    once = str(recorded.originator_version)
    facts: dict[str, Fact]
    if isinstance(event, RunObserved):
        seen = event.observation
        facts = {
            "change": "observed",
            "state": seen.state.value,
            "health": None if seen.health is None else seen.health.value,
            "failure": seen.failure,
        }
        yield _told(Kind.BOT_STATE, event.bot_id, stream, once, facts)
    elif type(event) in _BOT_CHANGES:
        facts = {"change": _BOT_CHANGES[type(event)]}
        yield _told(Kind.BOT_STATE, stream, stream, once, facts)
    elif type(event) in _KEY_CHANGES:
        change = event.TOPIC.partition(".")[2]
        facts = {"change": change, "status": _KEY_CHANGES[type(event)]}
        yield _told(Kind.KEY_STATE, stream, stream, once, facts)


def _told(
    kind: Kind, subject: UUID, stream: UUID, told_by: str, facts: Mapping[str, Fact]
) -> Happening:
    name = f"happening {kind} {told_by}"
    return Happening(id=uuid5(stream, name), kind=kind, subject_id=subject, facts=facts)


def _use(event: QuotaWarned | QuotaExhausted) -> dict[str, Fact]:
    end = event.window_end
    return {
        "limit": event.limit,
        "settled": event.settled,
        "window_end": None if end is None else end.isoformat(),
    }


def _answer(
    event: ProviderKeyDied | ProviderKeyParked | ProviderKeyChecked,
) -> dict[str, Fact]:
    return {"http_status": event.http_status, "error": event.error}
