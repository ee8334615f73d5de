"""What people are mailed, in their language: the text files beside this one.

The first line of a mail is its subject, and the rest what it says.
"""

from __future__ import annotations

import logging
from importlib.resources import files
from uuid import UUID

from api.wired import Wired
from application.mail import Mail, Text
from domain.errors import Unavailable

log = logging.getLogger(__name__)


def mail_to(address: str, name: str, locale: str, about: UUID, **said: str) -> Mail:
    """The mail of that name in a language; English, if none was chosen."""
    text = files(__name__).joinpath(f"{name}.{locale or 'en'}.txt")
    subject, _, body = text.read_text("utf-8").partition("\n\n")
    return Mail(to=address, subject=subject, text=body.format(**said), about=about)


def text_to(number: str, name: str, locale: str, about: UUID, **said: str) -> Text:
    """The text message of that name in a language; English, if none was chosen."""
    text = files(__name__).joinpath(f"{name}.{locale or 'en'}.txt").read_text("utf-8")
    return Text(to=number, text=text.strip().format(**said), about=about)


def hand_over(system: Wired, mail: Mail) -> None:
    """Nobody waits for it: whoever gets no mail asks again, and the log says why."""
    try:
        system.mailer.send(mail)
    except Unavailable:
        log.warning("mail.not_sent", exc_info=True)


def hand_over_text(system: Wired, text: Text) -> None:
    """Nobody waits for it, as for a mail."""
    try:
        system.texter.send(text)
    except Unavailable:
        log.warning("text.not_sent", exc_info=True)
