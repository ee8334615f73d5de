"""How a provider key stands: what is known of it, folded from its events.

The aggregate decides on it, and every view that shows or uses a key folds the same.

    active --cooled--> cooling --its time is over, or found good--> active
    any but disabled --parked, died, or a check's verdict--> no_funds, dead
    any --disabled--> disabled --enabled--> active
    any but disabled --rotated, or a check's OK--> active
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from domain.key_events import (
    KeyStatus,
    ProviderKeyAdded,
    ProviderKeyChecked,
    ProviderKeyCheckRequested,
    ProviderKeyCooled,
    ProviderKeyDied,
    ProviderKeyDisabled,
    ProviderKeyEdited,
    ProviderKeyEnabled,
    ProviderKeyEvent,
    ProviderKeyParked,
    ProviderKeyRecovered,
    ProviderKeyRemoved,
    ProviderKeyRotated,
    ProviderKeySecretRetired,
)
from domain.verdicts import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A key's status, and since which version of its stream it was not found bad."""

    status: KeyStatus = KeyStatus.ACTIVE
    cooling_until: datetime | None = None  # while it cools
    good_version: int = 0

    def status_at(self, now: datetime) -> KeyStatus:
        """What the key is good for then: nothing need happen for a cooling to end."""
        until = self.cooling_until
        return KeyStatus.ACTIVE if until is not None and until <= now else self.status

    def after(  # noqa: PLR0911  # one for each kind
        self, event: ProviderKeyEvent, version: int
    ) -> Standing:
        """The standing after the event, which has that version in its stream."""
        match event:
            case ProviderKeyChecked(verdict=verdict):
                return self._checked(verdict, version)
            case ProviderKeyCooled(until=until):
                return self._bad(KeyStatus.COOLING, until)
            case ProviderKeyParked():
                return self._bad(KeyStatus.NO_FUNDS)
            case ProviderKeyDied():
                return self._bad(KeyStatus.DEAD)
            case ProviderKeyDisabled():
                return self._bad(KeyStatus.DISABLED)
            case ProviderKeyAdded() | ProviderKeyEnabled():
                return Standing(good_version=version)
            case ProviderKeyRotated() | ProviderKeyRecovered():
                return self._good(version)
            case (
                ProviderKeyEdited()
                | ProviderKeyCheckRequested()
                | ProviderKeySecretRetired()
                | ProviderKeyRemoved()
            ):
                return self
            case _:
                assert_never(event)

    def _checked(self, verdict: Verdict, version: int) -> Standing:
        """Only a clear word of the vendor changes what a key is good for."""
        match verdict:
            case Verdict.OK:
                return self._good(version)
            case Verdict.DEAD:
                return self._bad(KeyStatus.DEAD)
            case Verdict.NO_FUNDS:
                return self._bad(KeyStatus.NO_FUNDS)
            case Verdict.THROTTLED | Verdict.OVERLOADED | Verdict.CLIENT_ERROR:
                return self
            case _:
                assert_never(verdict)

    def _good(self, version: int) -> Standing:
        """What somebody has disabled stays so."""
        if self.status is KeyStatus.DISABLED:
            return replace(self, good_version=version)
        return Standing(good_version=version)

    def _bad(self, status: KeyStatus, until: datetime | None = None) -> Standing:
        if self.status is KeyStatus.DISABLED:
            return self
        return replace(self, status=status, cooling_until=until)
