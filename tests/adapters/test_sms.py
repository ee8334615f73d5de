"""Text messages: into a folder, or to a server that speaks as Twilio does."""

from __future__ import annotations

import base64
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

import pytest

from adapters.checked_transport import CheckedTransport
from adapters.sms import Account, FileTexter, TwilioTexter, texter_of
from application.mail import Text
from domain.errors import BadSetup, Unavailable
from tests.little_server import Answering, little_server

SID, TOKEN = "AC" + "0" * 32, "an-auth-token"
ADA, BOB = UUID(int=1), UUID(int=2)
TEXT = Text(to="+4915112345678", text="您的验证码是 12345678 & more", about=ADA)


@dataclass
class Twilio:
    """What it was sent, in the shape that its reference documents."""

    url: str
    taken: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def twilio() -> Iterator[Twilio]:
    class Handler(Answering):
        def post(self) -> None:
            form = self.form()
            basic = base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
            if self.headers["authorization"] != f"Basic {basic}":
                self.answer_json(401, {"code": 20003, "status": 401})
            elif self.path != f"/2010-04-01/Accounts/{SID}/Messages.json":
                self.answer_json(404, {"code": 20404, "status": 404})
            elif not form.get("To", "").startswith("+49"):
                self.answer_json(400, {"code": 21211, "status": 400})
            else:
                known.taken.append(form)
                self.answer_json(201, {"sid": "SM" + "0" * 32, "status": "queued"})

    with little_server(Handler) as url:
        known = Twilio(url=url)
        yield known


def texter(
    there: Twilio, *, token: str = TOKEN, sender: str = "+15005550006"
) -> TwilioTexter:
    account = Account(base_url=there.url, sid=SID, token=token, sender=sender)
    return TwilioTexter(account, CheckedTransport(egress_allow=(there.url,)))


def test_twilio_takes_a_message_from_a_number_or_a_service() -> None:
    with twilio() as there:
        texter(there).send(TEXT)
        texter(there, sender="MG123").send(TEXT)
        usual = {"To": TEXT.to, "Body": TEXT.text}
        assert there.taken == [
            usual | {"From": "+15005550006"},
            usual | {"MessagingServiceSid": "MG123"},
        ]


def test_what_twilio_does_not_take_is_not_sent() -> None:
    with twilio() as there:
        with pytest.raises(Unavailable, match="401"):
            texter(there, token="another").send(TEXT)
        with pytest.raises(Unavailable, match="400"):
            texter(there).send(replace(TEXT, to="+1"))
        assert there.taken == []
    with pytest.raises(Unavailable):
        texter(there).send(TEXT)


def test_without_anybody_messages_are_files_of_ones_own(tmp_path: Path) -> None:
    folder = tmp_path / "sms"
    texter = texter_of(None, folder, egress_allow=())
    texter.send(TEXT)
    texter.send(Text(to="+1", text="x", about=BOB))
    texter.send(replace(TEXT, to="+2"))
    texter.send(replace(TEXT, about=BOB))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    texts = sorted(path.read_text("utf-8") for path in folder.iterdir())
    usual = [f"{to}\n{TEXT.text}\n" for to in ("+2", TEXT.to, TEXT.to)]
    assert texts == ["+1\nx\n", *usual]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    texter.forget(TEXT.to, ADA)
    assert [path.read_text("utf-8") for path in folder.iterdir()] == ["+1\nx\n"]
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(Unavailable):
        FileTexter(file / "below").send(TEXT)


def test_the_setting_names_an_account_and_a_sender(tmp_path: Path) -> None:
    url = f"twilio://{SID}:{TOKEN}@api.twilio.com?from=%2B15005550006"
    assert isinstance(texter_of(url, tmp_path, egress_allow=()), TwilioTexter)
    for wrong in (
        "",
        "https://api.twilio.com",
        f"twilio://{SID}:{TOKEN}@api.twilio.com",
        "twilio://api.twilio.com?from=%2B1",
        "twilio://a%2Fb:x@api.twilio.com?from=%2B1",
    ):
        with pytest.raises(BadSetup, match="CLAWBOT_SMS_URL"):
            texter_of(wrong, tmp_path, egress_allow=())
