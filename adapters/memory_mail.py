"""Mail that is kept in memory, for tests and for trying things out."""

from __future__ import annotations

from application.mail import Mail


class MemoryMailer:
    """Plays `Mailer`."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []

    def send(self, mail: Mail) -> None:
        self.sent.append(mail)

    def forget(self, address: str) -> None:
        there = address.casefold()
        self.sent = [mail for mail in self.sent if mail.to.casefold() != there]
