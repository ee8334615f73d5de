"""One call on its way through the proxy, step by step (architecture, section 3).

who -> where -> admit (committed) -> open the secret -> send -> relay -> settle (committed)
"""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

from uuid_utils.compat import uuid7

from domain.calls import CallRefused
from domain.catalog import Format, Target, Vendor
from domain.errors import LimitReached, Refused, Unavailable
from proxy import auto, headers
from proxy.admission import Admission, Credential, facts_of
from proxy.answer import Answer, UpstreamError
from proxy.asking import INCLUDE_USAGE, UsageWithheld
from proxy.attempts import NOT_FOR_THE_BOT, Attempts, Parts
from proxy.client import Client
from proxy.cutting import cutting_of
from proxy.form import is_form
from proxy.holding import Holding
from proxy.incoming import (
    MAX_TARGET,
    NOTHING_ASKED,
    Asked,
    ClientLeft,
    Incoming,
    NotReadable,
    Receive,
    Scope,
    TargetTooLong,
    is_name,
    read_body,
    read_head,
)
from proxy.mask import KeyMask
from proxy.outgoing import Outgoing, outgoing, what_is_asked
from proxy.refusals import (
    UNAVAILABLE,
    UPSTREAM_FAILED,
    UPSTREAM_REFUSED,
    Refusal,
    Shape,
    body_of,
    refusal_of,
    shape_of,
)
from proxy.relay import CLIENT_LEFT, DRAIN_SECONDS, Filters, Relay
from proxy.settlement import Progress, Settlement
from proxy.upload import begun
from proxy.usage import reader_for
from proxy.waiting import Waiting

__all__ = ["Call", "Parts"]

TURN = (1 << 48) - 1  # the part of a call's id that is nothing but chance


class Call:
    """One call: `serve` answers it, one way or another."""

    def __init__(self, admission: Admission, parts: Parts) -> None:
        self.id: UUID = uuid7()
        self._admission = admission
        self._parts = parts
        self._vendor = ""
        self._incoming: Incoming
        self._spoken: tuple[Vendor, Format | None] | None = None  # with whom, in what

    async def serve(self, scope: Scope, receive: Receive, client: Client) -> None:
        """Answer the call; an admitted one is settled when this returns or raises."""
        started = time.monotonic()
        incoming = read_head(scope)
        self._vendor, self._incoming = incoming.vendor, incoming
        try:
            credential = await self._admission.who(incoming)
        except (Refused, Unavailable) as error:
            await self._answer(client, refusal_of(error))
            return
        if auto.asks_for_models(incoming):
            await self._say(client, 200, auto.models_of(credential), [])
            return
        asked = NOTHING_ASKED
        try:
            if incoming.vendor == auto.AUTO:
                credential, incoming, receive = await auto.chosen(
                    self._admission, credential, incoming, receive
                )
            vendor, target = self._where(credential, incoming)
            body, upload = b"", None
            if is_form(incoming.headers.get(b"content-type", b"")):
                upload = await begun(target, incoming.headers, receive)
                asked = upload.asked
            else:
                body = await read_body(incoming.headers, receive)
                asked = what_is_asked(target, body)
            route = await self._admission.route(
                credential, incoming, vendor, asked, self.id.int & TURN
            )
        except Refused as error:
            await self._refuse(client, credential, asked, error)
            return
        call = outgoing(credential, incoming, route, asked, body, upload)
        parts, holding = self._parts, None
        admitted = call.admitted(parts.meter.process_id)
        if credential.bot is not None:  # no quota keeps anybody from checking a key
            holding = Holding(call, admitted, parts.prices, parts.limits)
        try:
            await parts.meter.admit(self.id, admitted, holding)
        except LimitReached as error:
            await self._answer(client, refusal_of(error))
            return
        except Unavailable:
            await self._answer(client, UNAVAILABLE)
            return
        progress = Progress(
            call_id=self.id,
            admitted=admitted if holding is None else holding.event,
            started=started,
            holding=holding,
        )
        settlement = Settlement(self._parts.meter, self._parts.prices, progress, client)
        try:
            await self._carry_out(client, call, settlement)
        finally:
            if not settlement.done:
                await settlement.settle(None)

    def _where(self, credential: Credential, incoming: Incoming) -> tuple[Vendor, Target]:
        """Which vendor and what is asked of it, as far as the path says."""
        vendor = self._admission.vendor(incoming)
        self._vendor = vendor.id
        target = self._admission.look(credential, incoming, vendor)
        self._spoken = vendor, target.endpoint.format
        if len(incoming.tail) + len(incoming.query) > MAX_TARGET:
            raise TargetTooLong
        if not is_name(target.model or ""):
            raise NotReadable
        return vendor, target

    async def _carry_out(
        self, client: Client, call: Outgoing, settlement: Settlement
    ) -> None:
        progress = settlement.progress
        drains = call.route.vendor.drain or not call.streaming
        client.watch(streaming=call.streaming)
        waiting = Waiting(client, DRAIN_SECONDS if drains else 0)
        attempts = Attempts(self._admission, self._parts, progress)
        try:
            call, answer, mask = await attempts.answer(call)
        except asyncio.CancelledError:
            if not waiting.given_up():
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
        await self._relay(client, call.route.vendor, answer, mask, settlement)

    async def _relay(
        self,
        client: Client,
        vendor: Vendor,
        answer: Answer,
        mask: KeyMask,
        settlement: Settlement,
    ) -> None:
        progress = settlement.progress
        admitted = progress.admitted
        kind = headers.content_type(answer)
        reader = reader_for(
            admitted.format,
            content_type=kind,
            status=answer.status,
            requested_model=admitted.facts.requested_model,
        )
        ours = headers.of_call(
            self.id,
            vendor=self._vendor,
            model=admitted.facts.requested_model,
            attempts=progress.attempts,
        )
        back = headers.coming_back(answer, vendor, ours, mask)
        withheld = None
        if INCLUDE_USAGE in admitted.changes and kind.startswith("text/event-stream"):
            back = [header for header in back if header[0] != b"content-length"]
            withheld = UsageWithheld()
        cutting = None
        if progress.holding is not None:
            cutting = cutting_of(
                self._parts.meter, progress, kind, usage_withheld=withheld is not None
            )
        filters = Filters(mask=mask, withheld=withheld, cutting=cutting)
        await client.start(answer.status, back)
        relay = Relay(answer, client, reader, filters, settlement)
        await relay.run(drain=vendor.drain or not admitted.streaming)

    async def _refuse(
        self, client: Client, credential: Credential, asked: Asked, error: Refused
    ) -> None:
        """Put the refusal on record, then say it; if it cannot be recorded, say that."""
        refusal = refusal_of(error)
        facts = facts_of(credential, self._vendor[:64], asked.model, None)
        try:
            await self._parts.meter.refuse(
                self.id, CallRefused(facts=facts, code=refusal.code)
            )
        except Unavailable:
            refusal = UNAVAILABLE
        await self._answer(client, refusal)

    async def _answer(self, client: Client, refusal: Refusal) -> None:
        self._parts.watch.refused(refusal.code)
        body = body_of(refusal, self._shape(), str(self.id))
        await self._say(client, refusal.status, body, refusal.headers)

    def _shape(self) -> Shape:
        """How the caller's SDK reads errors, as far as the call was understood."""
        if self._spoken is not None:
            return shape_of(*self._spoken)
        vendor = self._admission.vendor_or_none(self._incoming.vendor)
        return shape_of(vendor, auto.format_of(self._incoming))

    async def _say(
        self, client: Client, status: int, body: bytes, more: list[tuple[bytes, bytes]]
    ) -> None:
        await client.start(
            status,
            [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *more,
                *headers.of_call(self.id, vendor=self._vendor),
            ],
        )
        await client.finish(body)
