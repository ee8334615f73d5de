"""A bot's software talks to its channel, and never sees the channel's token."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from uuid import UUID, uuid4

import httpx2
import pytest

from domain.bot_events import BotChannelRemoved, BotDeleted, BotQuarantined
from domain.equipment import BotChannel
from tests.adapters.relays.channels import Asked, Little, Said, little
from tests.adapters.relays.given import TOKEN, ChannelDoor, Fleet, channel_door

NO_TOKENS = ("", "1:A/../x", "1:A?b", "1:A b", "1:A\r\n", "é")
FINE = json.dumps({"ok": True, "result": {"username": "a_bot"}}).encode()


class Telegram:
    """A Bot API server that says what a test wants next."""

    def __init__(self) -> None:
        self.next: Said | None = None
        self.let_go = threading.Event()

    def __call__(self, asked: Asked) -> Said:
        if asked.target.endswith("/getUpdates"):
            self.let_go.wait(5)
        return self.next or Said(body=FINE, headers={"content-type": "application/json"})


@pytest.fixture
def telegram() -> Telegram:
    return Telegram()


@pytest.fixture
def server(telegram: Telegram) -> Iterator[Little]:
    with little(telegram) as server:
        yield server
        telegram.let_go.set()


@pytest.fixture
def door(server: Little) -> Iterator[ChannelDoor]:
    with channel_door(Fleet(), allow=(server.url,)) as door:
        yield door


@pytest.fixture
def bot(door: ChannelDoor) -> UUID:
    return door.fleet.bot()


@pytest.fixture
def channel(door: ChannelDoor, server: Little, bot: UUID) -> BotChannel:
    config = json.dumps({"apiRoot": server.url})
    return door.fleet.channel(bot, {"botToken": TOKEN}, config=config)


def call(
    door: ChannelDoor, bot: UUID, channel: BotChannel, path: str, **more: object
) -> httpx2.Response:
    url = door.place(bot, channel, path)
    method = str(more.pop("method", "POST"))
    return door.http.request(method, url, headers=door.pass_for(bot), **more)  # type: ignore[arg-type]


def test_the_real_token_goes_to_telegram_and_nothing_of_it_comes_back(
    door: ChannelDoor, server: Little, bot: UUID, channel: BotChannel
) -> None:
    answer = call(door, bot, channel, "sendMessage", json={"chat_id": 1, "text": "hi"})
    assert (answer.status_code, answer.content) == (200, FINE)
    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", f"/bot{TOKEN}/sendMessage")
    assert json.loads(asked.body) == {"chat_id": 1, "text": "hi"}
    assert "authorization" not in asked.headers
    assert asked.headers["host"] == server.url.removeprefix("http://")


def test_the_token_is_masked_in_whatever_telegram_says(
    door: ChannelDoor, telegram: Telegram, bot: UUID, channel: BotChannel
) -> None:
    coded = TOKEN.replace(":", "%3A")
    whole = f"see {TOKEN} and {coded}! {TOKEN[:7]}".encode()

    def pieces() -> Iterator[bytes]:
        for nth in range(0, len(whole), 7):
            yield whole[nth : nth + 7]

    telegram.next = Said(404, pieces(), {"content-type": f"text/plain; a={TOKEN}"})
    answer = call(door, bot, channel, "getMe")
    stars = "*" * len(TOKEN)
    assert answer.status_code == 404
    assert answer.text == f"see {stars} and {'*' * len(coded)}! {TOKEN[:7]}"
    assert answer.headers["content-type"] == f"text/plain; a={stars}"


def test_a_file_comes_from_where_telegram_has_files(
    door: ChannelDoor, server: Little, telegram: Telegram, bot: UUID, channel: BotChannel
) -> None:
    telegram.next = Said(body=bytes(3_000_000))
    answer = call(door, bot, channel, "file/photos/file_1.jpg", method="GET")
    assert len(answer.content) == 3_000_000
    assert server.asked[0].target == f"/file/bot{TOKEN}/photos/file_1.jpg"


def test_a_large_upload_is_passed_on_as_it_comes(
    door: ChannelDoor, server: Little, bot: UUID, channel: BotChannel
) -> None:
    file = bytes(range(256)) * 12_000
    answer = call(door, bot, channel, "sendDocument", files={"document": file})
    assert answer.status_code == 200
    assert file in server.asked[0].body
    kind = server.asked[0].headers["content-type"]
    assert kind.startswith("multipart/form-data; boundary=")


@pytest.mark.parametrize(
    "path",
    [
        "setWebhook",
        "logOut",
        "getMe/",
        "getme",
        "../getMe",
        "file/../../etc/passwd",
        "file/a%2f..%2fb",
        "file//x",
        "sendGift",
        "getMe;x=1",
        "file/.hidden",
        "",
    ],
)
def test_what_is_not_on_the_list_is_not_asked(
    door: ChannelDoor, server: Little, bot: UUID, channel: BotChannel, path: str
) -> None:
    url = httpx2.URL(door.place(bot, channel, ""))
    raw = url.raw_path + path.encode()
    target = url.copy_with(raw_path=raw)
    answer = door.http.post(
        url, headers=door.pass_for(bot), extensions={"target": target.raw_path}
    )
    assert answer.status_code in {403, 404}
    assert server.asked == []


def test_a_line_break_in_a_query_or_a_header_goes_nowhere(
    door: ChannelDoor, server: Little, bot: UUID, channel: BotChannel
) -> None:
    answer = call(door, bot, channel, "getMe?a=%0d%0ahost:x")
    assert answer.status_code == 200
    assert server.asked[0].target.endswith("/getMe?a=%0d%0ahost:x")
    assert "x" not in server.asked[0].headers.values()


def test_headers_of_the_bot_do_not_pass(
    door: ChannelDoor, server: Little, bot: UUID, channel: BotChannel
) -> None:
    headers = door.pass_for(bot) | {"cookie": "a=1", "x-forwarded-for": "1.2.3.4"}
    door.http.post(door.place(bot, channel, "getMe"), headers=headers)
    assert not {"cookie", "x-forwarded-for", "authorization"} & set(server.asked[0].headers)


def test_a_bot_that_leaves_ends_its_long_poll(
    door: ChannelDoor, bot: UUID, channel: BotChannel
) -> None:
    for _ in range(20):  # more than may be under way at once
        with pytest.raises(httpx2.ReadTimeout):
            call(door, bot, channel, "getUpdates", timeout=0.05)
    time.sleep(0.2)
    assert call(door, bot, channel, "getMe").status_code == 200


def test_sixteen_calls_at_once_are_enough(
    door: ChannelDoor, telegram: Telegram, server: Little, bot: UUID, channel: BotChannel
) -> None:
    polls = [
        threading.Thread(target=call, args=(door, bot, channel, "getUpdates"))
        for _ in range(16)
    ]
    for poll in polls:
        poll.start()
    while len(server.asked) < 16:
        time.sleep(0.01)
    refused = call(door, bot, channel, "getMe")
    assert (refused.status_code, refused.json()["error_code"]) == (429, 429)
    telegram.let_go.set()
    for poll in polls:
        poll.join()
    assert call(door, bot, channel, "getMe").status_code == 200


def test_another_teams_pass_and_another_bots_channel_find_nothing(
    door: ChannelDoor, server: Little, bot: UUID, channel: BotChannel
) -> None:
    place = door.place(bot, channel, "getMe")
    foreign = door.http.post(place, headers=door.pass_for(bot, team_id=uuid4()))
    neighbour = door.http.post(place, headers=door.pass_for(door.fleet.bot()))
    nobody = door.http.post(place, headers=door.pass_for(uuid4()))
    assert [one.status_code for one in (foreign, neighbour, nobody)] == [404] * 3
    assert foreign.json()["ok"] is False
    assert server.asked == []


def test_a_quarantined_a_deleted_and_a_disconnected_one_are_refused(
    door: ChannelDoor, server: Little, bot: UUID, channel: BotChannel
) -> None:
    off = door.fleet.channel(bot, {"botToken": TOKEN}, connected=False, name="off")
    assert call(door, bot, off, "getMe").status_code == 403
    door.fleet.happened(bot, BotQuarantined(reason="abuse"))
    assert call(door, bot, channel, "getMe").status_code == 403
    door.fleet.happened(bot, BotDeleted())
    assert call(door, bot, channel, "getMe").status_code == 404
    assert server.asked == []


def test_a_surrogate_ends_with_its_credentials_and_with_its_channel(
    door: ChannelDoor, bot: UUID, channel: BotChannel
) -> None:
    old = door.place(bot, channel, "getMe").replace("/1/getMe", "/0/getMe")
    assert door.http.post(old, headers=door.pass_for(bot)).status_code == 401
    door.fleet.happened(bot, BotChannelRemoved(channel_id=channel.id))
    assert call(door, bot, channel, "getMe").status_code == 404


def test_no_other_place_is_asked_than_telegrams_or_a_listed_one(
    door: ChannelDoor, server: Little, bot: UUID
) -> None:
    for root in (
        "http://127.0.0.1:9",
        "https://127.0.0.1",
        "https://localhost",
        "file:///",
    ):
        config = json.dumps({"apiRoot": root})
        away = door.fleet.channel(bot, {"botToken": TOKEN}, config=config, name=root)
        answer = call(door, bot, away, "getMe")
        assert answer.status_code in {422, 502}
        assert answer.json()["ok"] is False
    assert server.asked == []


@pytest.mark.parametrize(
    "odd",
    [
        Said(302, b"", {"location": "http://127.0.0.1:9/"}),
        Said(200, b"\x1f\x8b", {"content-encoding": "gzip"}),
    ],
)
def test_redirects_and_coded_answers_do_not_pass(
    door: ChannelDoor, telegram: Telegram, bot: UUID, channel: BotChannel, odd: Said
) -> None:
    telegram.next = odd
    answer = call(door, bot, channel, "getMe")
    assert (answer.status_code, answer.json()["ok"]) == (502, False)
    assert "location" not in answer.headers


def test_an_answer_without_an_end_is_cut_and_seen_to_be(
    door: ChannelDoor, telegram: Telegram, bot: UUID, channel: BotChannel
) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(1_000_000)

    telegram.next = Said(200, endless())
    with pytest.raises(httpx2.RemoteProtocolError):
        call(door, bot, channel, "file/x", method="GET", timeout=20)
    telegram.next = None
    assert call(door, bot, channel, "getMe").status_code == 200


def test_slack_gets_each_token_where_it_belongs(door: ChannelDoor, server: Little) -> None:
    bot = door.fleet.bot()
    secrets = {"botToken": "xoxb-real", "appToken": "xapp-real"}
    config = json.dumps({"apiRoot": server.url})
    slack = door.fleet.channel(bot, secrets, kind="slack", config=config)
    call(door, bot, slack, "api/chat.postMessage", json={})
    call(door, bot, slack, "api/apps.connections.open")
    tokens = [asked.headers["authorization"] for asked in server.asked]
    assert tokens == ["Bearer xoxb-real", "Bearer xapp-real"]
    refused = call(door, bot, slack, "api/admin.users.list")
    assert (refused.status_code, refused.json()["error"]) == (403, "path_not_allowed")


@pytest.mark.parametrize("secrets", [{}, *({"botToken": one} for one in NO_TOKENS)])
def test_a_channel_without_a_token_says_so(
    door: ChannelDoor, server: Little, bot: UUID, secrets: dict[str, str]
) -> None:
    bare = door.fleet.channel(bot, secrets)
    answer = call(door, bot, bare, "getMe")
    assert (answer.status_code, server.asked) == (409, [])
    assert "missing-credential" in answer.json()["description"]
