"""Mail and text messages that people are sent, as roles; adapters play them."""

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


@dataclass(frozen=True, kw_only=True)
class Text:
    """One text message; `to` is a number as E.164 has it: `+4915112345678`."""

    to: str
    text: str


class Texter(Protocol):
    """Who takes text messages."""

    def send(self, text: Text) -> None:
        """It is handed over; `Unavailable`."""

    def forget(self, number: str) -> None:
        """No message to that number is kept here; `Unavailable`."""
