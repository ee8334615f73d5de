"""Whether a failed attempt is followed by another one, and by which.

What makes a call go on is said by its routing's trigger, or else by what every call goes on
for. It goes on as often as its routing lets it, within the time of the call, with every key
once, while its quotas have room for it there. Where it would only press a vendor that is
down already, it is also held to the process's retry budget.

A key that is at fault makes way for the next key of the same target; a vendor that is, for
the next target, and the other keys at that vendor come last. The last retry that routing
allows is not for another key either, where another target is left.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from application.ports import Meter
from domain.destinations import Origin
from domain.errors import LimitReached, Unavailable
from domain.routing_triggers import goes_on
from domain.verdicts import Verdict
from proxy.admission import Admission
from proxy.answer import UpstreamError
from proxy.elsewhere import with_next_key
from proxy.incoming import ClientLeft
from proxy.judging import Judged
from proxy.key_healths import AllKeysCooling
from proxy.moving import moved
from proxy.outgoing import Candidates, Outgoing
from proxy.settlement import Progress

NOT_FOR_THE_BOT = frozenset({401, 403})
MULTIPLE_CHOICES = 300
BY_THE_KEY = frozenset({Verdict.THROTTLED, Verdict.NO_FUNDS, Verdict.DEAD})
HARMLESS = frozenset({"inference", "models"})  # groups of endpoints: may be asked twice
TIMED_OUT = "upstream-timeout"
LOOKS_EVERY = 0.5  # seconds, while it waits

Left = Callable[[], bool]  # whether the client has left


class GoingOn:
    """Of one call."""

    def __init__(
        self,
        admission: Admission,
        meter: Meter,
        progress: Progress,
        seconds: float,
        left: Left,
    ) -> None:
        """`seconds`: that the call may take, with all its attempts."""
        self._left = left
        self._admission = admission
        self._meter = meter
        self._progress = progress
        self._seconds = seconds
        self._overloaded: set[tuple[str, Origin]] = set()  # by whom, and where

    async def after_error(self, call: Outgoing, error: UpstreamError) -> Outgoing | None:
        """The next attempt after one that had no answer; None: there is none."""
        found = Judged(verdict=Verdict.OVERLOADED, error=error.code)
        self._overloaded.add(_place(call))
        if not self._is_let(call, None, found):
            return None
        return await self._next(call, harmless=not error.sent, by_key=False)

    async def after_answer(
        self, call: Outgoing, status: int, found: Judged
    ) -> Outgoing | None:
        """The next attempt after an answer that says so; None: this answer stands."""
        refused = status in NOT_FOR_THE_BOT
        by_key = refused or found.verdict in BY_THE_KEY
        if found.verdict is Verdict.OVERLOADED:
            self._overloaded.add(_place(call))
        if not (refused or self._is_let(call, status, found)):
            return None
        at_the_gate = status >= MULTIPLE_CHOICES and found.verdict in BY_THE_KEY
        return await self._next(call, harmless=refused or at_the_gate, by_key=by_key)

    async def instead(self, call: Outgoing) -> Outgoing:
        """The call under the next key, as its own is on trial; `AllKeysCooling`."""
        following = await self._next(call, harmless=True, by_key=True)
        if following is None:
            raise AllKeysCooling(retry_after_seconds=1)
        return following

    def could(self, call: Outgoing) -> bool:
        """Whether the call may have another attempt after this one."""
        if call.upload is not None and call.upload.begun:
            return False  # it can be read once
        if self._left():
            return False
        more = call.routed is not None and call.routed.more
        if not (call.route.others or more) or call.credential.bot is None:
            return False
        retry = None if call.routed is None else call.routed.retry
        return retry is None or self._progress.attempts <= retry.max_retries

    def patience(self, call: Outgoing) -> float | None:
        """How many seconds an answer's first byte is waited for; None: as everywhere.

        The last hope of a call is waited for as long as any other call.
        """
        trigger = None if call.routed is None else call.routed.trigger
        if trigger is None or not self.could(call):
            return None
        return trigger.timeout_ms / 1000

    def time_left(self) -> float:
        """Seconds of the call's time."""
        return self._seconds - (time.monotonic() - self._progress.started)

    async def pause(self, call: Outgoing) -> None:
        """What the routing waits before each further attempt is over, or `ClientLeft`."""
        left = _delay(call)
        while left > 0:
            await asyncio.sleep(min(left, LOOKS_EVERY))
            left -= LOOKS_EVERY
            if self._left():
                raise ClientLeft

    def _is_let(self, call: Outgoing, status: int | None, found: Judged) -> bool:
        if call.routed is None:
            return found.verdict is not Verdict.CLIENT_ERROR
        return goes_on(
            call.routed.trigger,
            status=status,
            verdict=found.verdict,
            error=f"{found.error or ''} {found.said}",
            timed_out=found.error == TIMED_OUT,
        )

    async def _next(
        self, call: Outgoing, *, harmless: bool, by_key: bool
    ) -> Outgoing | None:
        """`harmless`: the vendor has surely not done what it was asked."""
        group = call.route.target.endpoint.group
        if not (harmless or group in HARMLESS or call.incoming.method == "GET"):
            return None
        before: Outgoing | None = call
        while before is not None:
            if not self.could(before) or self.time_left() <= _delay(call):
                return None
            following = self._following(before, by_key=by_key)
            free = following is not None and not self._on_trial(following)
            if following is not None and free and await self._holds(following):
                return following if self._affords(following) else None
            before = following
        return None

    def _on_trial(self, call: Outgoing) -> bool:
        return self._admission.healths.on_trial(call.route.key)

    def _affords(self, following: Outgoing) -> bool:
        """Whether the attempt is no part of a storm, or else within the budget for them.

        At a vendor that has not failed the call, under a key that is well, it is none: no
        vendor sees more attempts than there are calls.
        """
        healths = self._admission.healths
        doubtful = healths.strained([following.route.key])
        if not doubtful and _place(following) not in self._overloaded:
            return True
        return healths.budget.spend(time.monotonic())

    def _following(self, call: Outgoing, *, by_key: bool) -> Outgoing | None:
        routed = call.routed
        if routed is not None and routed.more and (not by_key or self._is_last(routed)):
            routed.leave_for_later(call)
            return routed.following()
        following = with_next_key(self._admission, call)
        if following is None and routed is not None:
            return routed.following()
        return following

    def _is_last(self, routed: Candidates) -> bool:
        """Whether the routing lets the call have one more attempt and no further one."""
        retry = routed.retry
        return retry is not None and self._progress.attempts >= retry.max_retries

    async def _holds(self, call: Outgoing) -> bool:
        """Whether the quotas have room for the call there; it is held then."""
        progress, meter = self._progress, self._meter
        holding = progress.holding
        if holding is None:
            return True
        if not (holding.decided or meter.has_quotas(holding.facts.team_id)):
            return True
        try:
            progress.holding = await moved(holding, call, meter, progress.call_id)
        except (LimitReached, Unavailable):
            return False
        return True


def _place(call: Outgoing) -> tuple[str, Origin]:
    return call.route.vendor.id, call.route.origin


def _delay(call: Outgoing) -> float:
    """In seconds."""
    retry = None if call.routed is None else call.routed.retry
    return 0.0 if retry is None else retry.delay_ms / 1000
