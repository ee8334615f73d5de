"""The simulator: what it sends for a request, without any transport.

Vendors' calls get into the ledger; `/ledger` and `/health` are the simulator's own.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs

from adapters.simulator.answering import Call, Request, meet, refused, render
from adapters.simulator.credentials import credentials_of
from adapters.simulator.dialects.vendors import encode
from adapters.simulator.ledger import Ledger, Traits, answer_core
from adapters.simulator.meeting import Meeting
from adapters.simulator.plan import Entry, Plan, error_plan, head_of, plan_of
from adapters.simulator.rendering import JSON, Refusal, Rendered
from adapters.simulator.routes import REALTIME, REALTIME_PATHS, route_of

FAST_ANSWERS = 1024
FAST_BYTES = 65_536
SWITCHING = 101


@dataclass(slots=True)
class Ready:
    """An answer that only needs a new id."""

    payload: bytes
    core: bytes
    traits: Traits
    rendered: Rendered  # for what it states and costs, as one part


class Simulator:
    """Answers requests and keeps the ledger.

    With `key` only that credential is good. With `fast` a request that is byte for byte
    like an earlier one gets the same answer, but for the id.
    """

    def __init__(self, *, key: str | None = None, fast: bool = False) -> None:
        self._key = key
        self._boot = secrets.token_hex(4)
        self._number = 0
        self._fast = fast
        self._ready: dict[tuple[object, ...], Ready] = {}
        self.ledger = Ledger(self._boot)

    def answer(self, request: Request) -> Plan:
        """What to send; the plan's entry is to be written once it was sent."""
        if request.path in {"/ledger", "/health"}:
            return self._own(request)
        if self._fast:
            return self._answer_fast(request)
        return self._answer(self._call(request))

    def refuse(self, request: Request, status: int, message: str) -> Plan:
        """A request that was not read to its end, refused in its vendor's shape."""
        return self._refused(self._call(request), Refusal(status, message), close=True)

    def meet(self, request: Request) -> Meeting | Plan:
        """The session that a WebSocket asks for, or a refusal."""
        call = self._call(request)
        if request.path not in REALTIME_PATHS:
            return self._refused(call, Refusal(404, f"No realtime at {request.path}"))
        call.route = REALTIME
        try:
            conversation = meet(call, key=self._key)
        except Refusal as refusal:
            return self._refused(call, refusal)
        entry = self._entry(call, SWITCHING, "complete", None)
        return Meeting(conversation, entry.write_sums)

    def _call(self, request: Request) -> Call:
        """A new call, with the next number."""
        self._number += 1
        headers, query = request.headers, request.query
        route = route_of(request.method, request.path, query, headers)
        core = answer_core(self._boot, self._number)
        return Call(request, route, credentials_of(headers, query), core)

    def _answer(self, call: Call) -> Plan:
        try:
            rendered = render(call, key=self._key)
        except Refusal as refusal:
            return self._refused(call, refusal)
        outcome = "complete" if call.script.error is None else "error"
        outcome = "cut" if call.script.cut is not None else outcome
        entry = self._entry(call, 200, outcome, rendered)
        name = call.route.vendor.request_id_header
        extra = b"%b: req_%b\r\n" % (name, call.core.encode())
        return plan_of(rendered, call.script, entry, extra=extra)

    def _refused(self, call: Call, refusal: Refusal, *, close: bool = False) -> Plan:
        plan = refused(call, refusal, close=close)
        plan.entry = self._entry(call, refusal.status, "error", None)
        return plan

    def _entry(
        self, call: Call, status: int, outcome: str, rendered: Rendered | None
    ) -> Entry:
        route, credentials = call.route, call.credentials
        traits = Traits(
            "req_" if rendered is None and route is not REALTIME else route.id_prefix,
            route.format,
            route.metered,
            call.model or None,
            call.stream,
            status,
            outcome,
            credentials.sha256,
            credentials.last4,
            credentials.others_sha256,
        )
        call_id = call.request.headers.get(b"x-call-id")
        return Entry(self.ledger, self._number, traits, call_id, rendered)

    def _answer_fast(self, request: Request) -> Plan:
        headers = request.headers
        call_id = headers.pop(b"x-call-id", None)
        key = (request.method, request.path, request.query, request.body, *headers.items())
        ready = self._ready.get(key)
        if ready is None:
            call = self._call(request)
            plan = self._answer(call)
            if plan.entry is not None:
                plan.entry.call_id = call_id
                self._keep(key, plan, plan.entry, call.core)
            return plan
        self._number += 1
        core = answer_core(self._boot, self._number).encode()
        payload = ready.payload.replace(ready.core, core)
        entry = Entry(self.ledger, self._number, ready.traits, call_id, ready.rendered, 1)
        return Plan(head=b"", parts=[payload], entry=entry)

    def _keep(self, key: tuple[object, ...], plan: Plan, entry: Entry, core: str) -> None:
        """A usual answer is ready for the next request of the kind."""
        payload = plan.head + b"".join(plan.parts) + plan.tail
        usual = plan.at_once() and entry.traits.outcome == "complete"
        if not usual or entry.rendered is None or len(payload) > FAST_BYTES:
            return
        if len(self._ready) >= FAST_ANSWERS:
            self._ready.clear()
        stated = entry.rendered.stated(entry.answered)
        whole = Rendered([b""], entry.rendered.usage)
        whole.statements = [(1, stated)] if stated else []
        self._ready[key] = Ready(payload, core.encode(), entry.traits, whole)

    def _own(self, request: Request) -> Plan:
        """`GET /health`, `GET /ledger?after=n&limit=n`, `DELETE /ledger`."""
        shown: object = {"status": "ok"}
        if request.path == "/ledger":
            if request.method == b"DELETE":
                self.ledger.clear()
            asked = parse_qs(request.query.decode("latin-1"))
            try:
                shown = self.ledger.page(**{name: int(asked[name][0]) for name in asked})
            except (TypeError, ValueError):
                body = encode({"error": "after and limit are whole numbers"})
                return error_plan(400, body, extra=b"")
        body = encode(shown)
        return Plan(head_of(200, JSON, length=len(body), extra=b""), [body])
