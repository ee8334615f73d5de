"""Sends what bots ask of their plugins and channels to the worker, which has the secrets.

    ALL /api/v1/mcp/{slug}             with a bot token that is not narrowed
    ALL /api/v1/channel/{type}/...     with the surrogate that stands for a channel's token

Who asks is decided here, on the route table in memory; the worker is told by a pass. It is
no call to a vendor: nothing is metered, and no quota applies.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from domain import mcp
from domain.channel_relays import RELAYS, called, error_body
from domain.destinations import parse_origin
from domain.door_passes import PASS_SECONDS, DoorPass, Purpose, make_door_pass
from domain.errors import (
    Forbidden,
    LimitReached,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
)
from domain.surrogates import Surrogate, read_surrogate
from projections.bot_tokens import BotToken
from projections.route_table import BotRoute
from proxy.admission import Admission
from proxy.answer import Answer, UpstreamCut, UpstreamError
from proxy.client import Client
from proxy.incoming import (
    MAX_TARGET,
    ClientLeft,
    Incoming,
    Receive,
    Scope,
    TargetTooLong,
    declared_length,
    read_head,
)
from proxy.limits import Limits
from proxy.refusals import refusal_of
from proxy.upload import Upload
from proxy.upstream import Upstream
from proxy.waiting import Waiting

PREFIXES = (b"/api/v1/mcp/", b"/api/v1/channel/")
RELAYED = b"x-clawbot-relayed"  # on every answer that a relay gave
# A long poll takes 50 s, a listener listens as long as it likes.
LIMITS = Limits(first_byte=70.0, idle=70.0, total=3600.0)
PASSED_ON = frozenset({
    b"content-type", b"accept", b"origin", b"last-event-id",
    mcp.SESSION.encode(), mcp.VERSION.encode(),
})  # fmt: skip
PASSED_BACK = frozenset({
    b"content-type", b"content-length", b"content-disposition", b"retry-after", b"allow",
    mcp.SESSION.encode(),
})  # fmt: skip
AT_ONCE = 64  # requests of one bot: none may crowd out the others
METHODS = frozenset({"GET", "POST", "DELETE"})

log = logging.getLogger(__name__)


class TokenIsNarrow(Forbidden):
    """The token is narrowed to some models, vendors or paths: it does not reach here."""

    code = "token-is-narrowed"


class IsQuarantined(Forbidden):
    """The bot is quarantined: nothing is relayed for it."""

    code = "bot-is-quarantined"


class NotRelayed(Forbidden):
    """The relay does not let a bot make this call."""

    code = "path-not-allowed"


class Crowded(LimitReached):
    """The bot has 64 requests to its plugins and channels under way already."""


class WorkerAway(Unavailable):
    """The worker, which has the secrets, does not answer."""

    code = "relay-unavailable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Forwarded:
    """What is asked of the worker, and for whom."""

    names: DoorPass
    target: str


class Relaying:
    """Answers for the worker; everything it needs is given to it."""

    def __init__(
        self, admission: Admission, upstream: Upstream, *, worker_url: str, door_key: bytes
    ) -> None:
        """`upstream` is one of its own, that may reach the worker and nothing else."""
        self.id = "relayed"  # in logs, where a call has its own
        self._admission = admission
        self._upstream = upstream
        self._worker = parse_origin(worker_url)
        self._door_key = door_key
        self._under_way: Counter[UUID] = Counter()

    async def serve(self, scope: Scope, receive: Receive, client: Client) -> None:
        """Answer one request, from its first byte to its last."""
        incoming = read_head(scope)
        try:
            forwarded = await self._forwarded(incoming)
            with self._counted(forwarded.names.bot_id):
                answer = await self._asked(incoming, forwarded, receive, client)
                if answer is not None:
                    await _relay(answer, client)
        except (Refused, Unavailable) as error:
            await _refuse(client, incoming, error)

    @contextmanager
    def _counted(self, bot_id: UUID) -> Iterator[None]:
        """One more of the bot's requests is under way; `Crowded`."""
        if self._under_way[bot_id] >= AT_ONCE:
            raise Crowded
        self._under_way[bot_id] += 1
        try:
            yield
        finally:
            self._under_way[bot_id] -= 1
            if not self._under_way[bot_id]:
                del self._under_way[bot_id]

    async def _forwarded(self, incoming: Incoming) -> Forwarded:
        if len(incoming.tail) + len(incoming.query) > MAX_TARGET:
            raise TargetTooLong
        if incoming.method not in METHODS:
            raise NotRelayed
        if incoming.vendor == "mcp":
            return await self._plugin(incoming)
        return await self._channel(incoming)

    async def _plugin(self, incoming: Incoming) -> Forwarded:
        credential = await self._admission.who(incoming)
        bot = credential.bot
        if bot is None:
            raise Unauthenticated
        if any(one.id == credential.token_id and _is_narrow(one) for one in bot.tokens):
            raise TokenIsNarrow
        if mcp.SLUG.fullmatch(incoming.tail) is None:
            raise NotFound
        names = DoorPass(Purpose.MCP, bot.bot_id, bot.team_id)
        return Forwarded(names=names, target=f"/mcp/{incoming.tail}")

    async def _channel(self, incoming: Incoming) -> Forwarded:
        kind, _, tail = incoming.tail.partition("/")
        relay = RELAYS.get(kind)
        if relay is None:
            raise NotFound
        bearer = incoming.tokens[0] if incoming.tokens else ""
        read = called(relay, tail, bearer)
        surrogate = None if read is None else read_surrogate(read[0], self._door_key)
        if read is None or surrogate is None:
            raise Unauthenticated
        bot = await self._bot(surrogate)
        if not relay.allows(incoming.method, read[1]):
            raise NotRelayed
        names = DoorPass(Purpose.CHANNEL, bot.bot_id, bot.team_id)
        place = f"{surrogate.channel_id}/{surrogate.version}/{read[1]}"
        query = incoming.query.decode("latin-1")
        target = f"/channel/{kind}/{place}"
        return Forwarded(names=names, target=f"{target}?{query}" if query else target)

    async def _bot(self, surrogate: Surrogate) -> BotRoute:
        """Whose channel it is; `Unauthenticated`, `IsQuarantined`, `Unavailable`."""
        routes = self._admission.routes
        if not routes.current:
            raise Unavailable
        if surrogate.bot_id not in routes.table.bots:
            await routes.catch_up()
        bot = routes.table.bots.get(surrogate.bot_id)
        if bot is None:
            raise Unauthenticated
        if bot.quarantined:
            raise IsQuarantined
        return bot

    async def _asked(
        self, incoming: Incoming, forwarded: Forwarded, receive: Receive, client: Client
    ) -> Answer | None:
        """The worker's answer, if the client waits for it; `WorkerAway`."""
        upload = Upload(declared_length(incoming.headers), None, receive)
        sends = incoming.method == "POST"
        client.watch(streaming=True)
        waiting = Waiting(client, 0, self._upstream.loop)
        try:
            answer = await self._upstream.send(
                self._worker,
                incoming.method,
                forwarded.target.encode("latin-1"),
                self._headers(incoming, forwarded),
                upload if sends else b"",
            )
        except UpstreamError as error:
            log.warning("relay.worker_away", extra={"error": str(error)})
            raise WorkerAway from error
        except ClientLeft:
            return None
        except asyncio.CancelledError:
            if not waiting.given_up():
                raise
            return None
        finally:
            waiting.stop()
        if not any(name == RELAYED for name, _ in answer.headers):
            answer.abort()
            log.warning("relay.worker_refuses", extra={"status": answer.status})
            raise WorkerAway
        return answer

    def _headers(
        self, incoming: Incoming, forwarded: Forwarded
    ) -> Sequence[tuple[bytes, bytes]]:
        ends_at = int(time.time()) + PASS_SECONDS
        token = make_door_pass(forwarded.names, ends_at=ends_at, secret=self._door_key)
        passing = [one for one in incoming.headers.items() if one[0] in PASSED_ON]
        return [*passing, (b"authorization", b"Bearer " + token.encode())]


async def _relay(answer: Answer, client: Client) -> None:
    """Pass the answer on as it comes; who leaves ends it. Raises `UpstreamCut`."""
    headers = [one for one in answer.headers if one[0] in PASSED_BACK]
    client.when_left(answer.abort)
    try:
        await client.start(answer.status, headers + _ours())
        while piece := await answer.read():
            await client.put(piece)
        await client.finish()
    except UpstreamCut:
        if not client.left:
            raise
    finally:
        client.when_left(None)
        answer.abort()


async def _refuse(client: Client, incoming: Incoming, error: Refused | Unavailable) -> None:
    """Our own no, in words that the bot's software reads."""
    refusal = refusal_of(error)
    if incoming.vendor == "mcp":
        body = mcp.error_body(code=refusal.code, message=refusal.message)
    else:
        body = error_body(
            incoming.tail.partition("/")[0],
            status=refusal.status,
            code=refusal.code,
            message=refusal.message,
        )
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *refusal.headers,
        *_ours(),
    ]
    await client.start(refusal.status, headers)
    await client.finish(body)


def _ours() -> list[tuple[bytes, bytes]]:
    """What every answer has."""
    return [
        (b"x-request-id", str(uuid4()).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    ]


def _is_narrow(token: BotToken) -> bool:
    scope = token.scope
    return bool(scope.models or scope.vendors or scope.paths)
