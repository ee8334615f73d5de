"""Mail: through a server of the operator's, or into a folder where there is none.

CLAWBOT_SMTP_URL   smtp://user:password@host:587 (STARTTLS), smtps://… (TLS at once);
                   a server on this machine may be plain
unset              one file for each message in the data folder, for this user only; the
                   name ends with the id of whom it is about
"""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default
from email.utils import formatdate, make_msgid
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit
from uuid import UUID

from uuid_utils.compat import uuid7

from application.mail import Mail, Mailer
from domain.errors import BadSetup, Unavailable

PATIENCE_SECONDS = 10
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class FileMailer:
    """Plays `Mailer`: one .eml file for each message."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    def send(self, mail: Mail) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / f"{uuid7()}.{mail.about}.eml"
            path.touch(mode=0o600, exist_ok=False)
            path.write_bytes(bytes(_message(mail, self._sender)))
        except OSError as error:
            msg = "the mail folder cannot be written"
            raise Unavailable(msg) from error

    def forget(self, address: str, about: UUID) -> None:
        try:
            for path in self._folder.glob("*.eml"):
                with path.open("rb") as file:
                    to = BytesHeaderParser(policy=default).parse(file)["To"]
                theirs = str(to).casefold() == address.casefold()
                if theirs or path.name.endswith(f".{about}.eml"):
                    path.unlink(missing_ok=True)
        except OSError as error:
            msg = "the mail folder cannot be cleared"
            raise Unavailable(msg) from error


class SmtpMailer:
    """Plays `Mailer`: hands messages to one server, encrypted unless it is this machine."""

    def __init__(self, server: SplitResult, sender: str) -> None:
        self._server = server
        self._sender = sender

    def send(self, mail: Mail) -> None:
        try:
            with self._connected() as smtp:
                if self._server.username is not None:
                    user, password = self._server.username, self._server.password or ""
                    smtp.login(unquote(user), unquote(password))
                smtp.send_message(_message(mail, self._sender))
        except (OSError, smtplib.SMTPException) as error:
            msg = f"the mail server does not take the mail ({_why(error)})"
            raise Unavailable(msg) from None  # its own words may name the address

    def forget(self, address: str, about: UUID) -> None:
        """What was handed over is the server's."""

    def _connected(self) -> smtplib.SMTP:
        host, context = self._server.hostname or "", ssl.create_default_context()
        if self._server.scheme == "smtps":
            port = self._server.port or 465
            return smtplib.SMTP_SSL(host, port, timeout=PATIENCE_SECONDS, context=context)
        smtp = smtplib.SMTP(host, self._server.port or 587, timeout=PATIENCE_SECONDS)
        if host not in LOCAL:
            try:
                smtp.starttls(context=context)
            except BaseException:
                smtp.close()
                raise
        return smtp


def mailer_of(url: str | None, folder: Path, sender: str) -> Mailer:
    """The mailer of the settings; `BadSetup` if the address is of no mail server."""
    if url is None:
        return FileMailer(folder, sender)
    server = urlsplit(url)
    if server.scheme not in {"smtp", "smtps"} or not server.hostname:
        msg = "CLAWBOT_SMTP_URL is no mail server: write smtp://user:password@host:587."
        raise BadSetup(msg)
    return SmtpMailer(server, sender)


def _why(error: Exception) -> str:
    """What went wrong, in no words of the server's."""
    match error:
        case smtplib.SMTPResponseException():
            return f"{type(error).__name__} {error.smtp_code}"
        case smtplib.SMTPRecipientsRefused():
            codes = sorted({code for code, _ in error.recipients.values()})
            return " ".join([type(error).__name__, *map(str, codes)])
    return type(error).__name__


def _message(mail: Mail, sender: str) -> EmailMessage:
    """Line breaks in a header are refused by the library."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="clawbot.invalid")
    message.set_content(mail.text)
    return message
