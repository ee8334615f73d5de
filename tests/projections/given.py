"""Histories to fold: of calls, of bots and of keys; and the logs to put them in."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.attempts import Attempt
from domain.bot_events import (
    BotCreated,
    BotDeleted,
    BotProviderLinked,
    BotProviderUnlinked,
    BotRenamed,
    BotTagged,
    BotTokenIssued,
    ProviderLink,
    Runtime,
)
from domain.calls import (
    Call,
    CallAbandoned,
    CallAdmitted,
    CallEvent,
    CallFacts,
    CallRefused,
    CallSettled,
)
from domain.events import Event
from domain.ids import TeamId
from domain.keys import (
    ProviderKeyAdded,
    ProviderKeyChecked,
    ProviderKeyCheckRequested,
    ProviderKeyCooled,
    ProviderKeyDisabled,
    ProviderKeyEdited,
    ProviderKeyEnabled,
    ProviderKeyParked,
    ProviderKeyRecovered,
    ProviderKeyRemoved,
    ProviderKeyRotated,
    ProviderKeySecretRetired,
)
from domain.usage import UNKNOWN, Usage, UsageSource
from domain.verdicts import Verdict
from tests.projections.given_notices import notice_readers
from tests.projections.given_quotas import quotas
from tests.projections.given_routing import routing

TEAM, OTHER_TEAM = TeamId(UUID(int=0xA)), TeamId(UUID(int=0xB))
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROCESS = UUID(int=0xC)
KEY = UUID(int=0xD)

Happened = tuple[UUID, Sequence[Event]]  # one stream, and what happens to it at once


def facts(
    minutes: float = 0,
    *,
    team: UUID = TEAM,
    bot: int | None = 1,
    model: str | None = "gpt-5",
    vendor: str = "openai",
) -> CallFacts:
    return CallFacts(
        team_id=team,
        bot_id=None if bot is None else UUID(int=bot),
        hostname=None if bot is None else f"bot-{bot}",
        vendor=vendor,
        model=model,
        requested_model="asked-for",
        provider_key_id=KEY,
        admitted_at=NOON + timedelta(minutes=minutes),
    )


def tokens(given: int | None, made: int | None) -> Usage:
    source = UsageSource.NONE if given is None else UsageSource.REPORTED
    return Usage(input_tokens=given, output_tokens=made, source=source)


def admitted(
    of: CallFacts, *, process: UUID = PROCESS, counted: bool = True
) -> CallAdmitted:
    return CallAdmitted(
        facts=replace(of, model=None),
        process_id=process,
        secret_version=1,
        format="openai-chat" if counted else None,
        method="POST",
        path="/v1/chat/completions",
        streaming=False,
        request_bytes=100,
        input_estimate=25,
    )


def settled(of: CallFacts, usage: Usage = UNKNOWN, cost: int | None = None) -> CallSettled:
    return CallSettled(
        facts=of,
        http_status=200,
        usage=usage,
        cost_micro_usd=cost,
        price_source=None if cost is None else "list",
        attempts=1,
        first_byte_ms=10,
        duration_ms=20,
        client_left=False,
        error=None,
    )


def tried(key: UUID, status: int | None, verdict: Verdict, wait: int = 0) -> Attempt:
    return Attempt(
        provider_key_id=key,
        good_version=1,
        http_status=status,
        verdict=verdict,
        error=None if verdict is Verdict.OK else "vendor:x",
        ms=7,
        cooling_until=NOON + timedelta(minutes=wait) if wait else None,
    )


TRIED = (
    tried(UUID(int=0xD1), 429, Verdict.THROTTLED, 5),
    tried(UUID(int=0xD2), None, Verdict.OVERLOADED),
    tried(KEY, 200, Verdict.OK),
)


def corrected(of: CallFacts, before: Usage, now: Usage, cost: int | None) -> CallEvent:
    abandoned = CallAbandoned(facts=of, usage=before)
    return Call().evolve(abandoned).settle(settled(of, now, cost))[0]


def calls(count: int, seed: int = 1) -> list[Happened]:
    """Calls of every ending, their events mixed with each other's, each in its order."""
    dice = random.Random(seed)
    waiting: list[tuple[UUID, list[Event]]] = []
    for _ in range(count):
        of = facts(
            dice.randrange(180),
            team=dice.choice([TEAM, OTHER_TEAM]),
            bot=dice.choice([None, 1, 2]),
            model=dice.choice([None, "gpt-5", "gpt-5-mini"]),
            vendor=dice.choice(["openai", "anthropic"]),
        )
        usage = tokens(*dice.choice([(None, None), (7, 3), (1000, 0)]))
        late = tokens(dice.randrange(50), dice.randrange(50))
        cost = dice.choice([None, 0, 12])
        paid = settled(of, usage, cost)
        ends: list[list[Event]] = [
            [CallRefused(facts=of, code="no-usable-key")],
            [admitted(of)],
            [admitted(of), settled(of, usage, cost)],
            [admitted(of), replace(settled(of, usage, cost), attempt_log=TRIED)],
            [admitted(of), paid, *Call().evolve(paid).reprice(9, "new list")],
            [admitted(of), CallAbandoned(facts=of, usage=usage)],
            [
                admitted(of),
                CallAbandoned(facts=of, usage=usage),
                corrected(of, usage, late, cost),
            ],
        ]
        waiting.append((UUID(int=dice.getrandbits(128)), dice.choice(ends)))
    happened: list[Happened] = []
    while waiting:
        call = dice.choice(waiting)
        happened.append((call[0], [call[1].pop(0)]))
        if not call[1]:
            waiting.remove(call)
    return happened


LINK = ProviderLink(
    link_id=UUID(int=0xE),
    provider_key_id=KEY,
    vendor=None,
    tag=None,
    models=("*",),
    primary_model=None,
)


def bot(number: int, team: TeamId = TEAM, *more: Event) -> Happened:
    created = BotCreated(
        team_id=team,
        hostname=f"bot-{number}",
        name=f"Bot {number}",
        runtime=Runtime.EXTERNAL,
        tags=("a", "b"),
    )
    return UUID(int=number), [created, *more]


def key(number: int, team: TeamId = TEAM, *more: Event) -> Happened:
    added = ProviderKeyAdded(
        team_id=team,
        vendor="openai",
        label=f"key {number}",
        base_url=None,
        origin="https://api.openai.com:443",
        tags=("prod",),
        models=(),
        allow_paths="inference",
        secret_version=1,
        last4="cdef",
    )
    return UUID(int=number), [added, *more]


def token(number: int, minutes: int) -> BotTokenIssued:
    end = NOON + timedelta(minutes=minutes)
    return BotTokenIssued(token_hash=f"hash-{number}", previous_end_at=end)


def checked(number: int, verdict: Verdict) -> list[Event]:
    check_id = UUID(int=number)
    return [
        ProviderKeyCheckRequested(check_id=check_id),
        ProviderKeyChecked(check_id=check_id, verdict=verdict, http_status=200, error=None),
    ]


LATER = NOON + timedelta(hours=1)
COOLED = ProviderKeyCooled(until=LATER, verdict=Verdict.THROTTLED)
ROTATED = ProviderKeyRotated(secret_version=2, last4="wxyz", previous_end_at=LATER)
PARKED = ProviderKeyParked(http_status=402, error=None)
EDITED = ProviderKeyEdited(label="another", tags=(), models=("gpt-5",), allow_paths="all")
REQUESTED = ProviderKeyCheckRequested(check_id=UUID(int=77))

FLEET_HISTORY: list[Happened] = [
    key(10, TEAM, *checked(70, Verdict.DEAD), EDITED),
    bot(1, TEAM, token(1, 0), BotProviderLinked(link=LINK)),
    key(11, OTHER_TEAM, REQUESTED),
    bot(2, OTHER_TEAM, token(2, 0)),
    (UUID(int=1), [BotRenamed(name="Ada"), token(3, 30), token(4, 20)]),
    (UUID(int=1), [BotTagged(tags=()), BotProviderUnlinked(link_id=LINK.link_id)]),
    bot(3, TEAM, BotProviderLinked(link=LINK), BotDeleted()),
    key(12, TEAM, REQUESTED, ProviderKeyRemoved()),
    key(13, TEAM, *checked(71, Verdict.NO_FUNDS), *checked(72, Verdict.OVERLOADED)),
    (UUID(int=10), checked(73, Verdict.OK)),
    key(14, TEAM, COOLED),
    key(15, TEAM, ROTATED, ProviderKeySecretRetired(secret_version=1), PARKED),
    key(16, TEAM, ROTATED, ProviderKeyDisabled(), ProviderKeyEnabled()),
    key(17, TEAM, COOLED, ProviderKeyRecovered(), ProviderKeyDisabled()),
    *routing(TEAM, OTHER_TEAM),
    *quotas(TEAM, OTHER_TEAM, LATER),
    *notice_readers(TEAM, OTHER_TEAM),
]
