"""What the channel relays read of a call, and what they let through."""

from __future__ import annotations

import json
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.channel_relays import NOT_RELAYED, RELAYS, called, error_body
from domain.equipment import BotChannel
from domain.surrogates import surrogate_of
from domain.telegram_methods import TELEGRAM_METHODS

TELEGRAM = RELAYS["telegram"]
CHANNEL = BotChannel(id=UUID(int=9), channel_type="telegram", name="t", secret_version=1)
TOKEN = surrogate_of(CHANNEL.id, CHANNEL, b"key")


def test_every_channel_is_relayed_or_it_is_said_why_not() -> None:
    known = {"feishu", "telegram", "slack", "wechat", "discord", "whatsapp", "twitter"}
    known |= {"instagram", "teams", "line", "webchat"}
    assert set(RELAYS) | set(NOT_RELAYED) == known
    assert not set(RELAYS) & set(NOT_RELAYED)


@pytest.mark.parametrize("colon", [":", "%3A", "%3a"])
@pytest.mark.parametrize(
    ("tail", "path"),
    [("bot{}/getMe", "getMe"), ("file/bot{}/photos/1.jpg", "file/photos/1.jpg")],
)
def test_a_surrogate_is_read_out_of_the_path(colon: str, tail: str, path: str) -> None:
    read = called(TELEGRAM, tail.format(TOKEN.replace(":", colon)), "")
    assert read == (TOKEN, path)


@pytest.mark.parametrize("tail", ["getMe", "bot/getMe", "bot1/getMe", "botx:y/getMe", ""])
def test_a_path_without_a_token_is_no_call(tail: str) -> None:
    assert called(TELEGRAM, tail, "") is None


@given(st.text(max_size=40), st.sampled_from(sorted(RELAYS)))
def test_whatever_is_let_through_stays_where_it_belongs(path: str, kind: str) -> None:
    relay = RELAYS[kind]
    if relay.allows("POST", path):
        assert path.isascii()
        assert not {"..", "%", "//", "\\", "?", "#", ";"} & {path, *path}
        assert ".." not in path.split("/")


@given(st.sampled_from(TELEGRAM_METHODS))
def test_telegrams_methods_are_let_through_whole_or_not_at_all(method: str) -> None:
    assert TELEGRAM.allows("GET", method)
    assert not TELEGRAM.allows("GET", f"{method}x")
    assert not TELEGRAM.allows("GET", f"x{method}")
    assert not TELEGRAM.allows("PUT", method)
    target = TELEGRAM.target(method, "1:A")
    assert urlsplit(TELEGRAM.origin + target).path == f"/bot1:A/{method}"


def test_errors_are_said_as_each_software_expects() -> None:
    words = {"status": 401, "code": "unauthenticated", "message": "Nobody."}
    assert json.loads(error_body("telegram", **words)) == {  # type: ignore[arg-type]
        "ok": False,
        "error_code": 401,
        "description": "Nobody. (unauthenticated)",
    }
    slack = json.loads(error_body("slack", **words))  # type: ignore[arg-type]
    assert slack == {"ok": False, "error": "invalid_auth"}
    other = json.loads(error_body("nonsense", **words))  # type: ignore[arg-type]
    assert other["error"]["code"] == "unauthenticated"
