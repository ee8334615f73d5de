"""Mail and text messages that are kept in memory, for tests and for trying things out."""

from __future__ import annotations

from uuid import UUID

from application.mail import Mail, Text


class MemoryMailer:
    """Plays `Mailer`."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []

    def send(self, mail: Mail) -> None:
        self.sent.append(mail)

    def forget(self, address: str, about: UUID) -> None:
        there = address.casefold()
        self.sent = [
            mail
            for mail in self.sent
            if mail.to.casefold() != there and mail.about != about
        ]


class MemoryTexter:
    """Plays `Texter`."""

    def __init__(self) -> None:
        self.sent: list[Text] = []

    def send(self, text: Text) -> None:
        self.sent.append(text)

    def forget(self, number: str, about: UUID) -> None:
        self.sent = [
            text for text in self.sent if text.to != number and text.about != about
        ]
