"""One call's attempts: key after key, until an answer can be relayed.

Another one is tried only before a byte of an answer has reached the client (`going_on`).
What each attempt says of its key is remembered at once (`key_healths`) and stands in the
call's settlement.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from application.ports import BoundedPrices, Meter, OpenVault
from application.watch import NobodyWatches, Watch
from domain.attempts import Attempt
from domain.verdicts import Verdict
from proxy import headers
from proxy.admission import Admission
from proxy.answer import Answer, UpstreamError
from proxy.going_on import MULTIPLE_CHOICES, NOT_FOR_THE_BOT, TIMED_OUT, GoingOn, Left
from proxy.holding import ModelLimits
from proxy.judging import Judged, begun, by_error, judged
from proxy.key_healths import KeyRests
from proxy.latencies import Latencies
from proxy.mask import KeyMask, mask_of
from proxy.outgoing import Outgoing
from proxy.router import Router
from proxy.settlement import Progress
from proxy.upstream import Upstream
from proxy.usage import Reading

__all__ = ["NOT_FOR_THE_BOT", "Attempts", "Parts", "Served"]

SWITCHED, OK = 101, 200
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

    def __init__(
        self,
        admission: Admission,
        parts: Parts,
        progress: Progress,
        left: Left = lambda: False,
    ) -> None:
        """`left`: whether the client has, for whom nothing more is tried then."""
        self._admission = admission
        self._healths = admission.healths
        self._parts = parts
        self._progress = progress
        self._log: list[Attempt] = []
        self._current: Outgoing | None = None  # not judged yet
        self._began = 0.0
        self._left = left
        progress.tries = self

    @cached_property
    def _going_on(self) -> GoingOn:
        """Not asked of a call that is routed nowhere else, streams nothing and succeeds."""
        parts = self._parts
        seconds = parts.upstream.total_seconds
        return GoingOn(self._admission, parts.meter, self._progress, seconds, self._left)

    async def answer(self, call: Outgoing) -> Served:
        """An answer of the first key that serves, or else the last one's.

        Raises `UpstreamError` of the last one, `Unavailable` if the vault is away, and
        `AllKeysCooling` if other calls are trying every key just now.
        """
        self._healths.budget.earn()
        while True:
            try:
                answer, clear = await self._send(call)
            except KeyRests:
                call = await self._going_on.instead(call)
                continue
            except UpstreamError as error:
                self._judge(call, Judged(verdict=Verdict.OVERLOADED, error=error.code))
                following = await self._going_on.after_error(call, error)
                if following is None:
                    raise
            else:
                found = await self._look(call, answer, clear)
                following = None
                if found is None:
                    self._healths.let_in(call.route.key)
                else:
                    status = answer.status
                    following = await self._going_on.after_answer(call, status, found)
                if following is None:
                    return Served(call, answer, mask_of(clear))
                answer.abort()
            await self._going_on.pause(following)
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
        self._healths.trying(route.key, always=call.credential.bot is None)
        secret = await self._parts.vault.open(call.secret)
        sent_before = progress.sent
        progress.attempts += 1
        progress.sent, progress.http_status = True, None
        progress.provider_key_id = route.key.key_id
        progress.vendor, progress.requested_model = route.vendor.id, call.model
        self._current = call
        clear = secret.reveal()
        secret.wipe()
        try:
            coming = self._parts.upstream.send(
                route.origin,
                call.incoming.method,
                call.target,
                headers.going_up(call.incoming, route.vendor, route.target.auth, clear),
                call.upload or call.body,
                within=self._going_on.time_left() if progress.attempts > 1 else None,
            )
            routed = call.routed is not None
            patience = self._going_on.patience(call) if routed else None
            answer = await (coming if patience is None else _in_time(coming, patience))
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
            if not admitted.streaming:
                return None
            going_on = self._going_on
            if not going_on.could(call):
                return None
            patience, passed = going_on.patience(call), time.monotonic() - self._began
            within = None if patience is None else max(0.0, patience - passed)
            found = await begun(answer, vendor, clear, admitted.format, within)
        else:
            found = await judged(answer, vendor, clear)
        if found is not None:
            self._judge(call, found)
        return found

    def _time(self, call: Outgoing) -> None:
        """Remember how long the answer's first byte took."""
        first, model = self._progress.first_byte, call.model
        if first is not None and model is not None:
            ms = (first - self._began) * 1000
            self._parts.latencies.measured(call.route.key, model, ms)

    def _judge(self, call: Outgoing, found: Judged) -> None:
        """The attempt is over: remember what it says of the key."""
        key = call.route.key
        cooling_until = self._healths.learned(key, found.verdict, found.wait)
        bot, model = call.credential.bot, call.model
        if found.verdict is Verdict.CLIENT_ERROR and bot is not None and model is not None:
            self._parts.latencies.refused(bot.bot_id, call.route.vendor.id, model)
        self._note(call, found, cooling_until)

    def _note(self, call: Outgoing, found: Judged, until: datetime | None) -> None:
        self._current = None
        key, changes = call.route.key, call.changes
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
                changes=None if changes == self._progress.admitted.changes else changes,
            )
        )


async def _in_time(answer: Awaitable[Answer], seconds: float) -> Answer:
    """The answer, if it begins as soon as the call's routing wants it."""
    try:
        async with asyncio.timeout(seconds):
            return await answer
    except TimeoutError as late:
        raise UpstreamError(TIMED_OUT, "no answer in time", sent=True) from late
