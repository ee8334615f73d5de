"""One call on its way through the proxy, step by step (architecture, section 3).

who -> where -> admit (committed) -> open the secret -> send -> relay -> settle (committed)
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from uuid import UUID

from uuid_utils.compat import uuid7

from domain.budgets import QuotaExceeded, UnpricedCall
from domain.calls import CallRefused
from domain.errors import LimitReached, Refused, Unavailable
from proxy import auto, headers
from proxy.admission import Admission, Credential, facts_of
from proxy.answer import UpstreamError
from proxy.asking import INCLUDE_USAGE, UsageWithheld
from proxy.attempts import NOT_FOR_THE_BOT, Attempts, Parts, Served
from proxy.classifying import Classifier
from proxy.client import Client
from proxy.cutting import cutting_of
from proxy.elsewhere import elsewhere
from proxy.heading import Heading
from proxy.holding import Holding
from proxy.incoming import (
    ClientLeft,
    Receive,
    Scope,
    read_head,
)
from proxy.outgoing import Outgoing
from proxy.realtime.allowance import allowance_of
from proxy.realtime.session import Session
from proxy.refusals import (
    UNAVAILABLE,
    UPSTREAM_FAILED,
    UPSTREAM_REFUSED,
    Refusal,
    body_of,
    refusal_of,
)
from proxy.relay import DRAIN_SECONDS, Filters, Relay
from proxy.settlement import CLIENT_LEFT, Progress, Settlement
from proxy.usage import reader_for
from proxy.waiting import Waiting

__all__ = ["Call", "Parts"]

GIVEN_UP = "given-up"  # by who asked: a classifier that takes too long, or a shutdown
TURN = (1 << 48) - 1  # the part of a call's id that is nothing but chance


class Call:
    """One call: `serve` answers it, one way or another."""

    def __init__(self, admission: Admission, parts: Parts) -> None:
        self.id: UUID = uuid7()
        self._admission = admission
        self._parts = parts
        self._heading: Heading
        self._progress: Progress | None = None  # of an admitted call

    async def serve(self, scope: Scope, receive: Receive, client: Client) -> None:
        """Answer the call; an admitted one is settled when this returns or raises."""
        started = time.monotonic()
        incoming = read_head(scope)
        heading = Heading(self._admission, self._parts.router, incoming)
        self._heading = heading
        try:
            credential = await self._admission.who(incoming)
        except (Refused, Unavailable) as error:
            await self._answer(client, refusal_of(error))
            return
        if auto.asks_for_models(incoming):
            await self._say(client, 200, auto.models_of(credential, self._parts.router), [])
            return
        classify = None
        if incoming.vendor == auto.AUTO:
            classifier = Classifier(scope, self._serve_another, self._parts.router.catalog)
            classify = classifier.classify
        try:
            call = await heading.call(credential, receive, self.id.int & TURN, classify)
        except Refused as error:
            await self._refuse(client, credential, error)
            return
        try:
            call, progress = await self._admitted(call, started)
        except LimitReached as error:
            await self._answer(client, refusal_of(error))
            return
        except Unavailable:
            await self._answer(client, UNAVAILABLE)
            return
        settlement = Settlement(self._parts.meter, self._parts.prices, progress, client)
        self._progress = progress
        try:
            await self._carry_out(client, call, settlement)
        finally:
            if not settlement.done:
                await settlement.settle(None)

    async def _admitted(self, call: Outgoing, started: float) -> tuple[Outgoing, Progress]:
        """The call where it goes, and what is on record of it; `LimitReached`: it may not.

        It goes elsewhere than it was heading if the quotas have room for it there only.
        """
        parts, meter, holding = self._parts, self._parts.meter, None
        admitted = call.admitted(meter.process_id)
        if call.credential.bot is not None:  # no quota keeps anybody from checking a key
            there = partial(elsewhere, self._admission, call)
            holding = Holding(call, admitted, parts.prices, parts.limits, there)
        try:
            granted = await meter.admit(self.id, admitted, holding)
        except (QuotaExceeded, UnpricedCall) as error:
            if holding is not None and error.nth:
                self._heading.goes_to(holding.nth(error.nth).call)
            raise
        if holding is None:
            return call, Progress(call_id=self.id, admitted=admitted, started=started)
        if granted.nth:
            holding = holding.nth(granted.nth)
            self._heading.goes_to(holding.call)
        progress = Progress(
            call_id=self.id, admitted=holding.event, started=started, holding=holding
        )
        return holding.call, progress

    async def _serve_another(self, scope: Scope, receive: Receive, client: Client) -> None:
        """A call of its own, on the way to this one's answer."""
        await Call(self._admission, self._parts).serve(scope, receive, client)

    async def _carry_out(
        self, client: Client, call: Outgoing, settlement: Settlement
    ) -> None:
        progress = settlement.progress
        drains = call.route.vendor.drain or not call.streaming
        client.watch(streaming=call.streaming)
        waiting = Waiting(client, DRAIN_SECONDS if drains else 0, self._parts.upstream.loop)
        attempts = Attempts(self._admission, self._parts, progress, lambda: client.left)
        try:
            call, answer, mask = await attempts.answer(call)
        except asyncio.CancelledError:
            progress.unheard = True
            if not waiting.given_up():
                progress.error = GIVEN_UP
                raise
            progress.error = CLIENT_LEFT
            return
        except ClientLeft:
            progress.error = CLIENT_LEFT
            raise
        except Refused as error:
            refusal = refusal_of(error)
            progress.error = refusal.code
            await settlement.settle(None)
            await self._answer(client, refusal)
            return
        except UpstreamError as error:
            progress.error = error.code
            await settlement.settle(None)
            await self._answer(client, UPSTREAM_FAILED[error.code])
            return
        except Unavailable:
            progress.error = Unavailable.code
            await settlement.settle(None)
            await self._answer(client, UNAVAILABLE)
            return
        finally:
            waiting.stop()
        if answer.status in NOT_FOR_THE_BOT and call.credential.bot is not None:
            answer.abort()
            progress.error = UPSTREAM_REFUSED.code
            await settlement.settle(None)
            await self._answer(client, UPSTREAM_REFUSED)
            return
        await self._relay(client, Served(call, answer, mask), settlement)

    async def _relay(self, client: Client, served: Served, settlement: Settlement) -> None:
        (call, answer, mask), progress = served, settlement.progress
        vendor, admitted = call.route.vendor, progress.admitted
        kind = headers.content_type(answer)
        reader = reader_for(
            admitted.format,
            content_type=kind,
            status=answer.status,
            requested_model=call.model,
        )
        ours = headers.of_call(
            self.id,
            vendor=vendor.id,
            model=call.model,
            attempts=progress.attempts,
        )
        back = headers.coming_back(answer, vendor, ours, mask)
        if answer.line is not None:
            parts = self._parts
            allowance = allowance_of(parts.meter, parts.prices, progress)
            session = Session(
                client, answer, mask, settlement, drain=vendor.drain, allowance=allowance
            )
            await session.run(call.incoming.headers, back)
            return
        withheld = None
        if INCLUDE_USAGE in call.changes and kind.startswith("text/event-stream"):
            withheld = UsageWithheld()
        cutting = None
        if progress.holding is not None:
            cutting = cutting_of(
                self._parts.meter, progress, kind, usage_withheld=withheld is not None
            )
        if withheld is not None or cutting is not None:  # it may come to be another
            back = [header for header in back if header[0] != b"content-length"]
        filters = Filters(mask=mask, withheld=withheld, cutting=cutting)
        await client.start(answer.status, back, whole=answer.whole)
        relay = Relay(answer, client, reader, filters, settlement)
        await relay.run(drain=vendor.drain or not admitted.streaming)

    async def _refuse(self, client: Client, credential: Credential, error: Refused) -> None:
        """Put the refusal on record, then say it; if it cannot be recorded, say that."""
        heading, refusal = self._heading, refusal_of(error)
        facts = facts_of(credential, heading.vendor[:64], heading.model, None)
        refused = CallRefused(facts=facts, code=refusal.code, routing=heading.kept)
        try:
            await self._parts.meter.refuse(self.id, refused)
        except Unavailable:
            refusal = UNAVAILABLE
        await self._answer(client, refusal)

    async def _answer(self, client: Client, refusal: Refusal) -> None:
        self._parts.watch.refused(refusal.code)
        body = body_of(refusal, self._heading.shape, str(self.id))
        await self._say(client, refusal.status, body, refusal.headers)

    async def _say(
        self, client: Client, status: int, body: bytes, more: list[tuple[bytes, bytes]]
    ) -> None:
        heading, progress = self._heading, self._progress
        vendor, model, attempts = heading.vendor, heading.model, 0
        if progress is not None:
            vendor, model = progress.vendor or vendor, progress.requested_model or model
            attempts = progress.attempts
        await client.start(
            status,
            [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *more,
                *headers.of_call(self.id, vendor=vendor, model=model, attempts=attempts),
            ],
        )
        await client.finish(body)
