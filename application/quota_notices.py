"""The policy that notices how quotas stand, as calls move them.

What is noticed is recorded by `NoteQuotaUse`, which says each thing once, however often it
is asked for. How a quota stands is looked up once for a page of calls: between two looks a
balance may have passed a threshold, but what is settled does not come down again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from application.balances import QuotaBalance, QuotaBalances, windows_of
from application.bus import Bus
from application.event_log import Caller
from application.quotas import NoteQuotaUse
from domain.budgets import QuotaExceeded
from domain.calls import CallCorrected, CallRefused
from domain.events import Event, Recorded
from domain.holds import WindowId
from domain.log import CALLS, Page
from domain.quota_windows import QuotaUse

REMEMBERED = 10_000  # of the things that were noted, so as not to ask again at every call

Noticed = tuple[Recorded[Event], QuotaUse]


class WarnOfQuotas:
    """Whenever a quota nears its end, or is at it, that is recorded."""

    name = "warn_of_quotas"
    logs: tuple[str, ...] = (CALLS,)

    def __init__(self, bus: Bus, balances: QuotaBalances) -> None:
        self._bus = bus
        self._balances = balances
        self._noted: OrderedDict[object, None] = OrderedDict()

    def react(self, page: Page) -> None:
        for recorded, use in (*self._standing(page), *_refusals(page)):
            noted = (
                use.quota_id,
                use.window_start,
                use.limit,
                use.warn_at_permille if use.nears_its_end else None,
                use.is_at_its_end,
            )
            worth_noting = use.nears_its_end or use.is_at_its_end
            if not worth_noting or noted in self._noted:
                continue
            caller = Caller(
                actor="system:projector",
                team_id=recorded.team_id,
                correlation_id=recorded.correlation_id,
                causation_id=f"call:{recorded.originator_id}:{recorded.originator_version}",
            )
            self._bus.handle(NoteQuotaUse(use=use), by=caller)
            self._noted[noted] = None
            if len(self._noted) > REMEMBERED:
                self._noted.popitem(last=False)

    def _standing(self, page: Page) -> Iterator[Noticed]:
        """How each quota stands that the page moves, and the call that moved it last."""
        last: dict[WindowId, Recorded[Event]] = {}
        for placed in page.events:
            last |= dict.fromkeys(windows_of(placed.recorded.event), placed.recorded)
        if not last:
            return
        for balance in self._balances.of(last):
            recorded = last[balance.quota_id, balance.window_start]
            if not _comes_late(recorded, balance):
                yield recorded, _use(balance)


def _comes_late(recorded: Recorded[Event], balance: QuotaBalance) -> bool:
    """Whether a window is put right that is over: the limit of now was not that of then."""
    end = balance.window_end
    is_over = end is not None and end <= recorded.at
    return is_over and isinstance(recorded.event, CallCorrected)


def _use(balance: QuotaBalance) -> QuotaUse:
    return QuotaUse(
        quota_id=balance.quota_id,
        window_start=balance.window_start,
        window_end=balance.window_end,
        limit=balance.limit,
        warn_at_permille=balance.warn_at_permille,
        settled=balance.settled,
        held=balance.held,
    )


def _refusals(page: Page) -> Iterator[Noticed]:
    """The quotas in which calls found no room, as they stood then."""
    for placed in page.events:
        event = placed.recorded.event
        if not isinstance(event, CallRefused) or event.hold is None:
            continue
        if event.code == QuotaExceeded.code:  # not for want of a price
            yield (
                placed.recorded,
                QuotaUse(
                    quota_id=event.hold.quota_id,
                    window_start=event.hold.window_start,
                    window_end=event.hold.window_end,
                    limit=event.hold.limit,
                    warn_at_permille=None,
                    settled=event.hold.settled,
                    held=event.hold.held,
                    # Who asks for more than there ever is has used nothing up.
                    refused=event.hold.amount <= event.hold.limit,
                ),
            )
