"""When another key is tried and when not: time, budget, and what may be asked twice."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from adapters.catalog.loader import load_catalog
from adapters.memory_vault import MemoryVault
from application.keys import secret_ref
from application.ports import BoundedPrices, Meter, Secret
from domain.bot_events import ProviderLink
from domain.budgets import Extension, Granted, QuotaExceeded
from domain.catalog import AllowPaths
from domain.destinations import Origin
from projections.route_table import BotRoute, KeyRoute, RouteTable
from proxy.admission import Admission, Credential
from proxy.answer import Answer, UpstreamError
from proxy.attempts import Attempts, Parts, Served
from proxy.holding import Holding, ModelLimits
from proxy.incoming import NOTHING_ASKED, Incoming
from proxy.key_healths import BUDGET_RESERVE
from proxy.latencies import Latencies
from proxy.outgoing import outgoing
from proxy.router import Router
from proxy.settlement import Progress
from proxy.upstream import Upstream
from tests.proxy.test_holding_again import HOLD

pytestmark = pytest.mark.anyio

CATALOG, TEAM = load_catalog(), uuid4()
ORIGIN = "https://api.openai.com:443"
CHAT, BATCH = "v1/chat/completions", "v1/batches"
UNSENT = UpstreamError("upstream-unreachable", "refused", sent=False)
SENT = UpstreamError("upstream-timeout", "late", sent=True)


class Wire:
    """Plays `Source`."""

    def resume(self) -> None: ...
    def abort(self, reason: str) -> None: ...


@dataclass
class Vendor:
    """Plays `Upstream`: says what it is told to, one after the other."""

    says: list[int | UpstreamError]
    total_seconds: float = 600.0
    asked: list[tuple[str, float | None]] = field(default_factory=list)

    async def send(
        self,
        origin: Origin,
        method: str,
        target: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        *,
        within: float | None = None,
    ) -> Answer:
        assert origin.host
        assert target.startswith(b"/v1")
        assert body == (b"" if method == "GET" else b"{}")
        secret = dict(headers)[b"authorization"].decode()
        self.asked.append((secret.removeprefix("Bearer sk-"), within))
        said = self.says.pop(0)
        if isinstance(said, UpstreamError):
            raise said
        answer = Answer(Wire(), said, [], None)
        answer.end(None)
        return answer


class Full:
    """Plays `Meter` and `ModelLimits`: what it knew of who has quotas, it has forgotten."""

    def has_quotas(self, team_id: UUID) -> bool:
        assert team_id == TEAM
        return False

    def output_limit(self, model: str | None) -> int | None:
        return 10 if model is None else None

    async def extend(self, call_id: UUID, extension: Extension) -> Granted:
        assert (call_id.version, extension.need.requests) == (4, 1)
        raise QuotaExceeded(HOLD)


class Routes:
    """Plays `Routes`."""

    current = True

    def __init__(self, table: RouteTable) -> None:
        self.table = table

    async def catch_up(self) -> None: ...


@dataclass
class Tried:
    """A call with three keys, and what came of it."""

    vendor: Vendor
    admission: Admission
    progress: Progress
    served: Served | None

    @property
    def keys(self) -> list[str]:
        """Whose secrets went out."""
        return [secret for secret, _ in self.vendor.asked]


async def tried(
    *says: int | UpstreamError,
    tail: str = CHAT,
    method: str = "POST",
    allow: Sequence[AllowPaths] = ("all", "all", "all"),
    since: float = 0.0,
    spent: float = 0.0,
    full: Full | None = None,
) -> Tried:
    """A call that began `since` seconds ago, where so much of the budget is spent.

    `full`: it holds something of a quota, and there is no more to hold.
    """
    vault, vendor = MemoryVault(), Vendor(list(says))
    keys = [_key(vault, nth, paths) for nth, paths in enumerate(allow)]
    links = tuple(_link(key, nth) for nth, key in enumerate(keys))
    bot = BotRoute(bot_id=uuid4(), team_id=TEAM, hostname="ada", links=links)
    admission = Admission(
        Routes(RouteTable([bot], keys)), CATALOG, token_key=b"", pass_key=b""
    )
    admission.healths.budget._left -= spent  # noqa: SLF001
    incoming = Incoming(
        method=method, vendor="openai", tail=tail, query=b"", tokens=(), headers={}
    )
    credential = Credential(bot=bot, checked_key=None)
    openai = CATALOG.get("openai")
    route = await admission.route(credential, incoming, openai, (None,))
    body = b"" if method == "GET" else b"{}"
    call = outgoing(credential, incoming, route, NOTHING_ASKED, body)
    progress = Progress(
        call_id=uuid4(), admitted=call.admitted(uuid4()), started=time.monotonic() - since
    )
    if full is not None:
        holding = Holding(call, progress.admitted, cast("BoundedPrices", None), full)
        holding.admitted(Granted(output_tokens=10, holds=(HOLD,)))
        progress.holding = holding
    parts = Parts(
        meter=cast("Meter", full),
        vault=vault,
        upstream=cast("Upstream", vendor),
        prices=cast("BoundedPrices", None),
        limits=cast("ModelLimits", None),
        latencies=Latencies(),
        router=cast("Router", None),
    )
    attempts, served = Attempts(admission, parts, progress), None
    try:
        served = await attempts.answer(call)
    except UpstreamError as error:
        progress.error = error.code
    return Tried(vendor, admission, progress, served)


def _key(vault: MemoryVault, nth: int, allow_paths: AllowPaths) -> KeyRoute:
    key = KeyRoute(
        key_id=uuid4(),
        team_id=TEAM,
        vendor="openai",
        base_url=None,
        origin=ORIGIN,
        tags=(),
        models=(),
        allow_paths=allow_paths,
        secret_version=1,
        good_version=1,
    )
    ref = secret_ref(TEAM, key.key_id, 1, "openai", ORIGIN)
    vault.put(ref, Secret(f"sk-{nth}".encode()))
    return key


def _link(key: KeyRoute, priority: int) -> ProviderLink:
    return ProviderLink(
        link_id=uuid4(),
        provider_key_id=key.key_id,
        vendor=None,
        tag=None,
        models=("*",),
        primary_model=None,
        priority=priority,
    )


@pytest.mark.parametrize(
    ("says", "asked"),
    [
        ([200], ["0"]),
        ([400], ["0"]),
        ([404], ["0"]),
        ([503, 200], ["0", "1"]),
        ([403, 200], ["0", "1"]),
        ([UNSENT, SENT, 200], ["0", "1", "2"]),
        ([503, 429, 500], ["0", "1", "2"]),
    ],
)
async def test_an_inference_is_tried_with_key_after_key(
    says: list[int | UpstreamError], asked: list[str]
) -> None:
    assert (await tried(*says)).keys == asked


@pytest.mark.parametrize(
    ("says", "asked"),
    [
        ([503], ["0"]),  # it may have made the batch
        ([SENT], ["0"]),
        ([UNSENT, 200], ["0", "1"]),
        ([429, 200], ["0", "1"]),
        ([401, 200], ["0", "1"]),
        ([402, 200], ["0", "1"]),
    ],
)
async def test_what_may_have_been_done_is_not_asked_for_twice(
    says: list[int | UpstreamError], asked: list[str]
) -> None:
    assert (await tried(*says, tail=BATCH)).keys == asked


async def test_what_only_reads_may_be_asked_twice() -> None:
    assert (await tried(503, 200, tail=BATCH, method="GET")).keys == ["0", "1"]


async def test_a_key_that_does_not_open_the_path_is_passed_over() -> None:
    one = await tried(429, 200, tail=BATCH, allow=("all", "inference", "all"))
    assert one.keys == ["0", "2"]
    last = await tried(429, tail=BATCH, allow=("all", "inference"))
    assert last.keys == ["0"]
    first = await tried(200, tail=BATCH, allow=("inference", "all"))
    assert first.keys == ["1"]


async def test_all_attempts_share_the_time_of_the_call() -> None:
    one = await tried(503, 200, since=100)
    (_, first), (_, second) = one.vendor.asked
    assert first is None
    assert second is not None
    assert 499 < second <= 500
    assert (await tried(503, since=600)).keys == ["0"]


async def test_without_budget_the_first_answer_stands() -> None:
    assert (await tried(503, spent=BUDGET_RESERVE + 5)).keys == ["0"]


async def test_no_budget_is_needed_for_a_key_that_is_well_at_a_vendor_that_is() -> None:
    one = await tried(429, 402, 200, spent=BUDGET_RESERVE + 5)
    assert one.keys == ["0", "1", "2"]


async def test_what_was_sent_once_was_sent() -> None:
    one = await tried(503, UNSENT, UNSENT)
    assert (one.progress.sent, one.progress.error) == (True, "upstream-unreachable")
    assert one.progress.attempts == 3
    none = await tried(UNSENT, UNSENT, UNSENT)
    assert not none.progress.sent


async def test_every_attempt_is_told_and_the_last_key_answered() -> None:
    one = await tried(SENT, 429, 200)
    assert one.served is not None
    told: Any = one.progress.tries
    log = told.told(None)
    assert [(a.http_status, a.verdict.value, a.error) for a in log] == [
        (None, "overloaded", "upstream-timeout"),
        (429, "throttled", None),
    ]
    assert one.progress.provider_key_id == one.served.call.route.key.key_id
    assert [a.cooling_until is not None for a in log] == [False, True]


async def test_where_quotas_were_asked_they_are_asked_of_the_next_key_too() -> None:
    assert (await tried(503, 200, full=Full())).keys == ["0"]
