"""One call's attempts: key after key, until an answer can be relayed.

Another key is tried only before a byte of an answer has reached the client, each key once,
within the time of the call and the process's retry budget. What each attempt says of its
key is remembered at once (`key_healths`) and stands in the call's settlement.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from application.ports import BoundedPrices, Meter, OpenVault
from application.watch import NobodyWatches, Watch
from domain.attempts import Attempt
from domain.errors import LimitReached, Unavailable
from domain.routing_triggers import goes_on
from domain.verdicts import Verdict
from proxy import headers
from proxy.admission import Admission
from proxy.answer import Answer, UpstreamError
from proxy.holding import ModelLimits
from proxy.judging import Judged, begun, by_error, judged
from proxy.latencies import Latencies
from proxy.mask import KeyMask
from proxy.outgoing import Outgoing, outgoing
from proxy.router import Router
from proxy.settlement import Progress
from proxy.upstream import Upstream
from proxy.usage import Reading

__all__ = ["NOT_FOR_THE_BOT", "Attempts", "Parts", "Served"]

NOT_FOR_THE_BOT = frozenset({401, 403})
SWITCHED, OK, MULTIPLE_CHOICES = 101, 200, 300
BY_THE_KEY = frozenset({Verdict.THROTTLED, Verdict.NO_FUNDS, Verdict.DEAD})
HARMLESS = frozenset({"inference", "models"})  # groups of endpoints: may be asked twice
BROKE_OFF = frozenset({"upstream-cut", "upstream-too-large"})


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a call is carried out with."""

    meter: Meter
    vault: OpenVault
    upstream: Upstream
    prices: BoundedPrices
    limits: ModelLimits
    latencies: Latencies
    router: Router
    watch: Watch = NobodyWatches()  # noqa: RUF009  # it keeps nothing


class Served(NamedTuple):
    """The attempt whose answer is relayed."""

    call: Outgoing
    answer: Answer
    mask: KeyMask


class Attempts:
    """What is tried for one call; plays `Tries` of its settlement."""

    def __init__(self, admission: Admission, parts: Parts, progress: Progress) -> None:
        self._admission = admission
        self._healths = admission.healths
        self._parts = parts
        self._progress = progress
        self._log: list[Attempt] = []
        self._current: Outgoing | None = None  # not judged yet
        self._began = 0.0
        progress.tries = self

    async def answer(self, call: Outgoing) -> Served:
        """An answer of the first key that serves, or else the last one's.

        Raises `UpstreamError` of the last one, and `Unavailable` if the vault is away.
        """
        self._healths.budget.earn()
        while True:
            try:
                answer, clear = await self._send(call)
            except UpstreamError as error:
                self._judge(call, Judged(verdict=Verdict.OVERLOADED, error=error.code))
                following = await self._held(self._following(call, harmless=not error.sent))
                if following is None:
                    raise
            else:
                found = await self._look(call, answer, clear)
                following = None
                if found is not None:
                    following = await self._held(self._after(call, answer, found))
                if following is None:
                    return Served(call, answer, KeyMask(clear))
                answer.abort()
            call = following

    def told(self, reading: Reading | None) -> tuple[Attempt, ...]:
        """Every attempt, now that it is over; none if the first one was fine."""
        call, error = self._current, self._progress.error
        if call is not None:
            if reading is not None and reading.error is not None:
                vendor, status = call.route.vendor, self._progress.http_status or OK
                status = OK if status == SWITCHED else status
                self._judge(call, by_error(vendor, status, reading.error, None))
            elif error in BROKE_OFF:
                self._judge(call, Judged(verdict=Verdict.OVERLOADED, error=error))
            elif reading is not None:
                self._healths.fine(call.route.key)
                self._time(call)
                if self._log:
                    self._note(call, Judged(verdict=Verdict.OK), None)
        return tuple(self._log)

    async def _send(self, call: Outgoing) -> tuple[Answer, bytes]:
        """Open the secret, for no longer than it takes to write the request."""
        progress, route = self._progress, call.route
        self._began = time.monotonic()
        secret = await self._parts.vault.open(call.secret)
        sent_before = progress.sent
        progress.attempts += 1
        progress.sent, progress.http_status = True, None
        progress.provider_key_id = route.key.key_id
        progress.vendor, progress.requested_model = route.vendor.id, call.model
        self._current = call
        self._healths.trying(route.key)
        clear = secret.reveal()
        secret.wipe()
        try:
            answer = await self._parts.upstream.send(
                route.origin,
                call.incoming.method,
                call.target,
                headers.going_up(call.incoming, route.vendor, route.target.auth, clear),
                call.upload or call.body,
                within=self._patience(call),
            )
        except UpstreamError as error:
            progress.sent = sent_before or error.sent
            raise
        progress.http_status = answer.status
        return answer, clear

    async def _look(self, call: Outgoing, answer: Answer, clear: bytes) -> Judged | None:
        """What is wrong with the answer, as far as that must be known before relaying."""
        vendor = call.route.vendor
        if answer.line is not None:
            return None
        if OK <= answer.status < MULTIPLE_CHOICES:
            admitted = self._progress.admitted
            others = call.route.others or (call.routed is not None and call.routed.more)
            if not (others and admitted.streaming):
                return None
            found = await begun(answer, vendor, clear, admitted.format)
        else:
            found = await judged(answer, vendor, clear)
        if found is not None:
            self._judge(call, found)
        return found

    def _after(self, call: Outgoing, answer: Answer, found: Judged) -> Outgoing | None:
        """The next attempt, if another key may have more luck than this one."""
        refused = answer.status in NOT_FOR_THE_BOT
        if call.routed is not None and call.routed.trigger is not None:
            goes = goes_on(
                call.routed.trigger,
                status=answer.status,
                verdict=found.verdict,
                error=found.error,
            )
            return self._following(call, harmless=True) if goes else None
        if found.verdict is Verdict.CLIENT_ERROR and not refused:
            return None
        at_the_gate = answer.status >= MULTIPLE_CHOICES and found.verdict in BY_THE_KEY
        return self._following(call, harmless=refused or at_the_gate)

    def _following(self, call: Outgoing, *, harmless: bool) -> Outgoing | None:
        """The same call with the next key; None if there is none, or no more to spend.

        `harmless`: the vendor has surely not done what it was asked.
        """
        routed = call.routed
        more = routed is not None and routed.more
        if not (call.route.others or more) or call.credential.bot is None:
            return None
        group = call.route.target.endpoint.group
        if not (harmless or group in HARMLESS or call.incoming.method == "GET"):
            return None
        if self._time_left() <= 0 or self._tried_enough(call):
            return None
        if not self._healths.budget.spend(time.monotonic()):
            return None
        route = self._admission.further(call.route, call.incoming)
        if route is None:
            return None if routed is None else routed.following()
        following = outgoing(
            call.credential, call.incoming, route, call.asked, call.asked_body, call.upload
        )
        following.routed = routed
        return following

    def _tried_enough(self, call: Outgoing) -> bool:
        """Whether the call has gone on as often as its routing lets it."""
        retry = None if call.routed is None else call.routed.retry
        return retry is not None and self._progress.attempts > retry.max_retries

    def _patience(self, call: Outgoing) -> float | None:
        """How many seconds the answer is waited for; None: as long as any other's."""
        left = self._time_left() if self._progress.attempts > 1 else None
        trigger = None if call.routed is None else call.routed.trigger
        if trigger is None:
            return left
        most = trigger.timeout_ms / 1000
        return most if left is None else min(left, most)

    async def _held(self, following: Outgoing | None) -> Outgoing | None:
        """The next attempt, if the quotas of its key have room for it."""
        progress, meter = self._progress, self._parts.meter
        holding = progress.holding
        if following is None or holding is None:
            return following
        if not meter.has_quotas(holding.facts.team_id):
            return following
        try:
            for extension in holding.moves_to(following):
                await meter.extend(progress.call_id, extension)
        except (LimitReached, Unavailable):
            return None
        return following

    def _time(self, call: Outgoing) -> None:
        """Remember how long the answer's first byte took."""
        first, model = self._progress.first_byte, call.model
        if first is not None and model is not None:
            ms = (first - self._began) * 1000
            self._parts.latencies.measured(call.route.vendor.id, model, ms)

    def _time_left(self) -> float:
        passed = time.monotonic() - self._progress.started
        return self._parts.upstream.total_seconds - passed

    def _judge(self, call: Outgoing, found: Judged) -> None:
        """The attempt is over: remember what it says of the key."""
        key = call.route.key
        cooling_until = self._healths.learned(key, found.verdict, found.wait)
        self._note(call, found, cooling_until)

    def _note(self, call: Outgoing, found: Judged, until: datetime | None) -> None:
        self._current = None
        key = call.route.key
        self._log.append(
            Attempt(
                provider_key_id=key.key_id,
                good_version=key.good_version,
                http_status=self._progress.http_status,
                verdict=found.verdict,
                error=found.error,
                ms=round((time.monotonic() - self._began) * 1000),
                cooling_until=until,
                model=None if call.routed is None else call.model,
            )
        )
