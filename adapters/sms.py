"""Text messages: through Twilio, or into a folder where nobody is set up.

CLAWBOT_SMS_URL    twilio://ACCOUNT:TOKEN@api.twilio.com?from=%2B15005550006, where `from`
                   may be a messaging service too (MG…)
unset              one file for each message in the data folder, for this user only

Twilio's API: twilio.com/docs, Message resource (2010-04-01).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import httpx2
from uuid_utils.compat import uuid7

from adapters.checked_transport import CheckedTransport
from application.mail import Text, Texter
from domain.errors import BadSetup, Unavailable

CREATED = 201
SERVICE = "MG"  # what the id of a messaging service begins with


class FileTexter:
    """Plays `Texter`: one .txt file for each message, the number in its first line."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, text: Text) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / f"{uuid7()}.{text.about}.txt"
            path.touch(mode=0o600, exist_ok=False)
            path.write_text(f"{text.to}\n{text.text}\n", "utf-8")
        except OSError as error:
            msg = "the folder of text messages cannot be written"
            raise Unavailable(msg) from error

    def forget(self, number: str, about: UUID) -> None:
        try:
            for path in self._folder.glob("*.txt"):
                theirs = path.read_text("utf-8").partition("\n")[0] == number
                if theirs or path.name.endswith(f".{about}.txt"):
                    path.unlink(missing_ok=True)
        except OSError as error:
            msg = "the folder of text messages cannot be cleared"
            raise Unavailable(msg) from error


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account with Twilio; `base_url` is `https://api.twilio.com` or of a region."""

    base_url: str
    sid: str
    token: str
    sender: str


class TwilioTexter:
    """Plays `Texter`: each message is one POST."""

    def __init__(self, account: Account, transport: CheckedTransport) -> None:
        self._account = account
        self._transport = transport

    def send(self, text: Text) -> None:
        account, sender = self._account, self._account.sender
        by = "MessagingServiceSid" if sender.startswith(SERVICE) else "From"
        with httpx2.Client(transport=self._transport, trust_env=False) as client:
            answer = client.post(
                f"{account.base_url}/2010-04-01/Accounts/{account.sid}/Messages.json",
                data={"To": text.to, by: sender, "Body": text.text},
                auth=(account.sid, account.token),
            )
        if answer.status_code != CREATED:
            msg = f"Twilio does not take the message ({answer.status_code})"
            raise Unavailable(msg)

    def forget(self, number: str, about: UUID) -> None:
        """What was handed over is Twilio's."""


def texter_of(url: str | None, folder: Path, *, egress_allow: Collection[str]) -> Texter:
    """The texter of the settings; `BadSetup` if the address is of none that we know."""
    if url is None:
        return FileTexter(folder)
    there = urlsplit(url)
    sender = parse_qs(there.query).get("from", [""])[0]
    sid, token = unquote(there.username or ""), unquote(there.password or "")
    if there.scheme != "twilio" or not (there.hostname and sid.isalnum()) or not sender:
        msg = "CLAWBOT_SMS_URL: write twilio://ACCOUNT:TOKEN@api.twilio.com?from=%2B1500…"
        raise BadSetup(msg)
    account = Account(
        base_url=f"https://{there.hostname}", sid=sid, token=token, sender=sender
    )
    return TwilioTexter(account, CheckedTransport(egress_allow=egress_allow))
