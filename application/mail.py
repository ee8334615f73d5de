"""Mail that people are sent, as a role; adapters play it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One message in plain text."""

    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Who takes mail."""

    def send(self, mail: Mail) -> None:
        """It is handed over; `Unavailable`."""

    def forget(self, address: str) -> None:
        """No mail to that address is kept here; `Unavailable`."""
