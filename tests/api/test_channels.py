"""Kinds of channels over HTTP: what is liked where, in which language."""

from __future__ import annotations

from tests.api.front import Front


def test_channels_come_in_the_order_that_is_liked_there(front: Front) -> None:
    me = front.someone()

    def ids(**query: str) -> list[str]:
        answer = front.client.get("/api/channel", params=query, headers=me)
        return [one["id"] for one in answer.json()["items"]]

    assert len(ids()) == 11
    assert ids(locale="zh-CN")[:4] == ["feishu", "wechat", "webchat", "telegram"]
    assert ids(locale="en")[:2] == ["feishu", "telegram"]
    assert (
        front.client.get("/api/channel", params={"locale": "../x"}, headers=me).status_code
        == 422
    )


def test_a_channel_says_what_it_must_be_given(front: Front) -> None:
    me, url = front.someone(), "/api/channel/slack"
    slack = front.client.get(url, params={"locale": "zh"}, headers=me).json()
    assert slack["popular"] is False
    assert front.client.get(url, headers=me).json()["popular"] is True
    assert slack["credential_fields"][0] == {
        "key": "botToken",
        "type": "string",
        "required": True,
        "secret": True,
        "default": None,
        "enum": [],
        "label": "机器人令牌",
        "example": "xoxb-...",
    }
    assert slack["one_of"] == [["appToken", "signingSecret"]]
    assert front.client.get("/api/channel/signal", headers=me).status_code == 404
