"""Mail, by a server and into a folder."""

from __future__ import annotations

import email
import socket
import threading
import traceback
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message
from pathlib import Path
from uuid import UUID

import pytest

from adapters.mail import FileMailer, SmtpMailer, mailer_of
from application.mail import Mail
from domain.errors import BadSetup, Unavailable

SENDER = "Clawbot <clawbot@example.com>"
ADA, BOB = UUID(int=1), UUID(int=2)
MAIL = Mail(to="ada@example.com", subject="密码", text="Grüße\n\n.\nend\n", about=ADA)


class Server:
    """A mail server that takes one message and says nothing but yes."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.lines: list[bytes] = []
        self.refused = b"none"  # the word that gets a no
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self.socket.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 here\r\n")
            data = False
            for line in lines:
                self.lines.append(line)
                if data and line != b".\r\n":
                    continue
                word = line[:4].upper()
                data = word == b"DATA"
                reply = {b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n"}
                if word == self.refused:
                    reply[word] = b"550 no: " + line
                connection.sendall(reply.get(word, b"250 yes\r\n"))
                if word == b"QUIT":
                    return

    def close(self) -> None:
        self._thread.join(10)
        self.socket.close()

    @property
    def message(self) -> Message:
        start = self.lines.index(b"data\r\n") + 1
        return email.message_from_bytes(b"".join(self.lines[start:]))


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def said(message: Message) -> str:
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def test_a_server_on_this_machine_gets_the_mail(server: Server, tmp_path: Path) -> None:
    mailer = mailer_of(f"smtp://127.0.0.1:{server.port}", tmp_path, SENDER)
    mailer.send(MAIL)
    assert b"rcpt TO:<ada@example.com>\r\n" in server.lines
    assert said(server.message).startswith("Grüße")


@pytest.mark.parametrize("refused", [b"RCPT", b"MAIL", b"DATA"])
def test_what_a_server_refuses_is_told_without_the_address(
    server: Server, tmp_path: Path, refused: bytes
) -> None:
    server.refused = refused
    mailer = mailer_of(f"smtp://127.0.0.1:{server.port}", tmp_path, SENDER)
    with pytest.raises(Unavailable, match="550") as told:
        mailer.send(MAIL)
    logged = "".join(traceback.format_exception(told.value))
    assert "ada@" not in logged


def test_no_server_is_told_by_one_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    mailer = mailer_of(f"smtp://127.0.0.1:{port}", tmp_path, SENDER)
    assert isinstance(mailer, SmtpMailer)
    with pytest.raises(Unavailable):
        mailer.send(MAIL)


def test_without_a_server_each_mail_is_a_file_of_ours_alone(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    mailer = mailer_of(None, folder, SENDER)
    assert isinstance(mailer, FileMailer)
    mailer.send(MAIL)
    mailer.send(MAIL)
    first, second = sorted(folder.iterdir())
    assert first != second
    assert (folder.stat().st_mode & 0o777, first.stat().st_mode & 0o777) == (0o700, 0o600)
    message = email.message_from_bytes(first.read_bytes())
    assert (message["To"], message["From"]) == ("ada@example.com", SENDER)
    assert said(message) == MAIL.text


def test_mails_to_who_is_forgotten_go_and_no_others(tmp_path: Path) -> None:
    mailer = FileMailer(tmp_path / "mail", SENDER)
    mailer.forget(MAIL.to, ADA)
    mailer.send(replace(MAIL, about=BOB))
    mailer.send(replace(MAIL, to="eve@example.com"))
    mailer.send(replace(MAIL, to="bob@example.com", about=BOB))
    mailer.forget("Ada@Example.com", ADA)
    (left,) = (tmp_path / "mail").iterdir()
    assert b"bob@example.com" in left.read_bytes()


def test_a_folder_that_cannot_be_written_is_told_by_the_same_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable):
        FileMailer(tmp_path / "file" / "mail", SENDER).send(MAIL)


@pytest.mark.parametrize("url", ["http://mail", "smtp://", "mail.example.com", "smtp:"])
def test_what_is_no_mail_server_is_refused_at_the_start(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="CLAWBOT_SMTP_URL"):
        mailer_of(url, tmp_path, SENDER)
