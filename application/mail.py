"""Mail and text messages that people are sent, as roles; adapters play them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One message in plain text; `about` is the user because of whom it is sent."""

    to: str
    subject: str
    text: str
    about: UUID


class Mailer(Protocol):
    """Who takes mail."""

    def send(self, mail: Mail) -> None:
        """It is handed over; `Unavailable`."""

    def forget(self, address: str, about: UUID) -> None:
        """No mail to that address, or about that user, is kept here; `Unavailable`."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """One text message; `to` is a number as E.164 has it: `+4915112345678`."""

    to: str
    text: str
    about: UUID


class Texter(Protocol):
    """Who takes text messages."""

    def send(self, text: Text) -> None:
        """It is handed over; `Unavailable`."""

    def forget(self, number: str, about: UUID) -> None:
        """No message to that number, or about that user, is kept here; `Unavailable`."""
