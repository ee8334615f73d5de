"""Where a call is heading: read, understood, made ready for the first that may serve it.

What was understood until a refusal is kept, so that the refusal can be worded and recorded.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace

from domain.catalog import Target, Vendor
from domain.routing_facts import Answers
from domain.routing_kept import KeptRouting
from domain.vendors import Format
from proxy import auto
from proxy.admission import Admission, Credential
from proxy.classifying import Classify
from proxy.form import is_form
from proxy.incoming import (
    MAX_TARGET,
    NOTHING_ASKED,
    Asked,
    Incoming,
    NotReadable,
    Receive,
    TargetTooLong,
    is_name,
    read_body,
)
from proxy.key_healths import AllKeysCooling
from proxy.outgoing import Outgoing, outgoing, what_is_asked
from proxy.refusals import Shape, shape_of
from proxy.routed import Routed
from proxy.router import Question, Router
from proxy.upload import begun


class Heading:
    """Of one call."""

    def __init__(self, admission: Admission, router: Router, incoming: Incoming) -> None:
        self._admission = admission
        self._router = router
        self._incoming = incoming
        self.vendor = incoming.vendor
        self.asked: Asked = NOTHING_ASKED
        self._named: str | None = None  # the model, by the path or by the routing
        self.kept: KeptRouting | None = None  # how it was routed
        self._spoken: tuple[Vendor, Format | None] | None = None  # with whom, in what

    @property
    def model(self) -> str | None:
        """The model that is asked for, as far as the call was understood."""
        return self._named or self.asked.model

    @property
    def shape(self) -> Shape:
        """How the caller's SDK reads errors, as far as the call was understood."""
        if self._spoken is not None:
            return shape_of(*self._spoken)
        vendor = self._admission.vendor_or_none(self._incoming.vendor)
        return shape_of(vendor, auto.format_of(self._incoming))

    # Not async: what it calls is awaited by its caller, without a frame in between.
    def call(
        self, credential: Credential, receive: Receive, dice: int, classify: Classify | None
    ) -> Awaitable[Outgoing]:
        """The call as it is to go out; `Refused` if it may not."""
        if self._incoming.vendor == auto.AUTO:
            return self._routed(credential, receive, dice, classify)
        return self._direct(credential, receive, dice)

    async def _direct(
        self, credential: Credential, receive: Receive, dice: int
    ) -> Outgoing:
        incoming = self._incoming
        vendor, target = self._where(credential, incoming)
        body, upload = b"", None
        if is_form(incoming.headers.get(b"content-type", b"")):
            upload = await begun(target, incoming.headers, receive)
            self.asked = upload.asked
        else:
            body = await read_body(incoming.headers, receive)
            self.asked = what_is_asked(target, body, incoming.query)
            if vendor.model_prefix and self.asked.model is not None:
                # Not the body: to quotas, links and prices the two are one model.
                plain = self.asked.model.removeprefix(vendor.model_prefix)
                self.asked = replace(self.asked, model=plain)
        # By the path before the body, as the vendor goes.
        model = target.model or self.asked.model
        if model is None and target.endpoint.metered:
            model = ""  # which only links for all models let through
        models = (model, *self.asked.others)
        route = await self._admission.route(credential, incoming, vendor, models, dice)
        return outgoing(credential, incoming, route, self.asked, body, upload)

    async def _routed(
        self, credential: Credential, receive: Receive, dice: int, classify: Classify | None
    ) -> Outgoing:
        body = await read_body(self._incoming.headers, receive)
        asking = auto.asking(credential, self._incoming, body, dice)
        self.asked = Asked(model=asking.question.facts.requested_model)

        async def answer(question: Question) -> Answers:
            return await self._answers(question, classify)

        decided = await auto.decided(self._router, asking.question, answer)
        catalog = self._router.catalog
        routed = Routed(self._admission, credential, asking, decided, catalog)
        self.kept = routed.kept
        decision = decided[0]
        if decision.all_cooling:
            wait = self._router.cools_for(asking.question, decision)
            raise AllKeysCooling(retry_after_seconds=wait)
        call = routed.first()
        self._where(credential, call.incoming)
        self._named = call.model
        return call

    def goes_to(self, call: Outgoing) -> None:
        """The call is heading there after all."""
        self.vendor, self._named = call.route.vendor.id, call.model

    async def _answers(self, question: Question, classify: Classify | None) -> Answers:
        """What the policy wants to know of the user's words."""
        answers = self._router.answers(question)
        classifier = self._router.classifier(question)
        if classifier is None or classify is None:
            return answers
        return await classify(classifier, question.words, answers)

    def _where(self, credential: Credential, incoming: Incoming) -> tuple[Vendor, Target]:
        """Which vendor and what is asked of it, as far as the path says."""
        vendor = self._admission.vendor(incoming)
        self.vendor = vendor.id
        target = self._admission.look(credential, incoming, vendor)
        self._spoken = vendor, target.endpoint.format
        if len(incoming.tail) + len(incoming.query) > MAX_TARGET:
            raise TargetTooLong
        if not is_name(target.model or ""):
            raise NotReadable
        self._named = target.model
        return vendor, target
