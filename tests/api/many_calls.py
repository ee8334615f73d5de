"""Very many calls, recorded by the real recorder: three months of a busy team, and others.

Forty bots use six models of three vendors. Whoever records is one of several processes, and
all of them tell the same ids.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, islice
from multiprocessing import get_context
from random import Random
from uuid import UUID

import psycopg
from uuid_utils.compat import uuid7

from adapters.bootstrap.followers import event_logs
from application.event_log import Caller, Stream, acting
from domain.calls import Call, CallAbandoned, CallEvent, CallFacts, CallRefused
from domain.log import CALLS
from domain.usage import UNKNOWN
from tests.api.calls import admitted, settled
from tests.projections.given_logs import database

BEGAN = datetime(2026, 3, 1, 0, 0, 17, tzinfo=UTC)
SPAN = timedelta(days=90)
MODELS = {f"m{n}": f"vendor-{n % 3}" for n in range(6)}
KEYS = {f"vendor-{n}": UUID(int=n + 1) for n in range(3)}
BOTS = [(UUID(int=n + 101), f"bot-{n}") for n in range(40)]
OTHERS = UUID(int=1001)
REFUSED = 0.03
EVENTS_A_CALL = 2 - REFUSED
AT_ONCE = 1_000
WRITERS = 2


def a_call(dice: Random, team_id: UUID, at: datetime) -> list[CallEvent]:
    """One call, as it is recorded: most are settled, within a second or some."""
    bot, model = dice.randrange(len(BOTS)), f"m{dice.randrange(6)}"
    bot_id, hostname = BOTS[bot]
    facts = CallFacts(
        team_id=team_id if dice.random() < 0.9 else OTHERS,
        bot_id=bot_id,
        hostname=hostname,
        vendor=MODELS[model],
        model=model,
        requested_model=model,
        provider_key_id=KEYS[MODELS[model]],
        admitted_at=at,
    )
    fate = dice.random()
    if fate < REFUSED:
        return [CallRefused(facts=facts, code="quota-exceeded")]
    if fate < REFUSED + 0.005:
        return [admitted(facts), CallAbandoned(facts=facts, usage=UNKNOWN)]
    took = round(dice.lognormvariate(7, 1))
    end = replace(
        settled(facts, dice.randrange(4000)),
        http_status=429 if fate > 0.98 else 200,
        duration_ms=took,
        first_byte_ms=took // 4,
    )
    return [admitted(facts), end]


def record(url: str, team_id: UUID, events: int, *, writers: int = 1) -> int:
    """So many events are in the calls log, or a few more; how many exactly.

    One writer is this process; more are processes of their own.
    """
    with psycopg.connect(url, autocommit=True) as owner:
        for days in range(0, SPAN.days + 1, 28):
            owner.execute("SELECT make_calls_month(%s)", (BEGAN + timedelta(days=days),))
    write = partial(_write, url, team_id, events, writers)
    if writers == 1:
        return write(0)
    with ProcessPoolExecutor(writers, get_context("spawn")) as pool:
        return sum(pool.map(write, range(writers)))


def _write(url: str, team_id: UUID, events: int, writers: int, writer: int) -> int:
    """One writer's part, at even distances over the whole time; how many events it has."""
    calls, dice, done = events / EVENTS_A_CALL, Random(writer), 0
    moments = (BEGAN + SPAN * n / calls for n in count(writer, writers))
    caller = Caller("bot:test", team_id, "request-7")
    with database(url, "clawbot_proxy") as proxy, acting(caller):
        log = event_logs(proxy)[CALLS]
        while done < events / writers:
            some = [
                (Stream(_id_of(at), 0, Call()), a_call(dice, team_id, at))
                for at in islice(moments, AT_ONCE)
            ]
            log.append_all(*some)
            done += sum(len(call) for _, call in some)
    return done


def _id_of(at: datetime) -> UUID:
    """As the proxy makes ids, which tell when."""
    return uuid7(int(at.timestamp()), at.microsecond * 1000)
